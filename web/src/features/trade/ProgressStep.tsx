import clsx from 'clsx'
import { CircleCheck, CircleDashed, CircleHelp, CircleMinus, Hourglass, LoaderCircle, Undo2 } from 'lucide-react'
import { Progress } from 'radix-ui'
import type { ComponentType, ReactNode } from 'react'

import { useNow } from '@/lib/clock'
import { wholeSeconds } from '@/lib/times'

import { Price, Quantity } from '@/ui/Money'
import { Notice } from '@/ui/States'

import { SideWord } from './PlanLegs'
import type { Execution } from './queries'
import { isFinished, legsInOrder } from './queries'
import { endingTitle, LEG_SETTLED, LEG_WORDS } from './words'

type Leg = Execution['legs'][number]

const ICONS: Record<Leg['state'], ComponentType<{ className?: string; strokeWidth?: number }>> = {
  waiting: CircleDashed,
  working: LoaderCircle,
  filled: CircleCheck,
  partial: CircleMinus,
  unfilled: CircleMinus,
  unwound: Undo2,
  unknown: CircleHelp,
  skipped: CircleMinus,
  by_hand: CircleMinus,
}

/** Leg by leg, as the venue answers. */
export function ProgressStep({ execution }: { execution: Execution }) {
  const settled = execution.legs.filter((leg) => LEG_SETTLED[leg.state]).length
  const share = Math.round(Math.min(1, Math.max(0, execution.progress)) * 100)
  return (
    <div>
      <p role="status" className="text-3xl font-semibold">
        {endingTitle(execution)}
      </p>
      <p className="mt-1 text-muted">
        {settled} of {execution.legs.length} legs done. You may leave this page; it goes on by itself.
      </p>
      <Pace execution={execution} />
      <Progress.Root value={share} aria-label="Progress" className="my-8 h-1.5 overflow-hidden rounded-full bg-hover">
        <Progress.Indicator
          className="h-full origin-left rounded-full bg-ink transition-transform duration-300"
          style={{ transform: `scaleX(${share / 100})` }}
        />
      </Progress.Root>
      {execution.reason && <Notice className="mb-6">{execution.reason}</Notice>}
      <LegStates legs={legsInOrder(execution)} />
    </div>
  )
}

/** How long a tactic that takes its time still takes. */
function Pace({ execution }: { execution: Execution }) {
  const now = useNow()
  const { tactic, until } = execution
  if (!until || isFinished(execution)) return null
  const left = Math.max(0, Date.parse(until) - now)
  return (
    <p className="tnum mt-1 text-sm text-muted">
      {tactic.kind === 'passive'
        ? left > 0
          ? `Waiting at the best prices; what is missing is taken in ${wholeSeconds(left)}.`
          : 'The deadline has come: what is missing is taken now.'
        : left > 0
          ? `In slices, for ${wholeSeconds(left)} more.`
          : 'The last slices are being sent.'}
    </p>
  )
}

export function LegStates({ legs }: { legs: Leg[] }) {
  return (
    <ul aria-label="Legs" className="border-t border-hairline">
      {legs.map((leg) => (
        <LegLine key={leg.symbol} leg={leg} />
      ))}
    </ul>
  )
}

function LegLine({ leg }: { leg: Leg }) {
  const Icon = leg.resting_price == null ? ICONS[leg.state] : Hourglass
  const done = LEG_SETTLED[leg.state]
  return (
    <li className="flex min-h-[var(--row-height)] items-center gap-4 border-b border-hairline py-2">
      <Icon
        className={clsx('size-5 shrink-0', turns(leg) && 'animate-spin', !done && 'text-muted')}
        strokeWidth={1.75}
      />
      <span className="w-14 shrink-0 font-medium">{leg.ticker}</span>
      <span className="w-12 shrink-0">
        <SideWord side={leg.side} />
      </span>
      <span className="min-w-0 flex-1 text-sm text-muted">
        {legWords(leg)}
        <NextOrder leg={leg} />
        {leg.note && <span className="block text-xs">{leg.note}</span>}
      </span>
      <span className="text-right text-sm">
        <Quantity value={leg.filled_quantity} /> <span className="text-muted">of</span>{' '}
        <Quantity value={leg.quantity} />
      </span>
    </li>
  )
}

/** Work at the venue turns; what waits for its time or its price stands still. */
const turns = (leg: Leg) => leg.state === 'working' && leg.resting_price == null && leg.next_at == null

function legWords(leg: Leg): ReactNode {
  if (leg.resting_price == null) return LEG_WORDS[leg.state]
  return (
    <>
      Waiting at <Price value={leg.resting_price} />
      {leg.orders > 1 && `, moved ${leg.orders === 2 ? 'once' : `${leg.orders - 1} times`}`}
    </>
  )
}

/** When the next order of a leg is sent, and which one it is. */
function NextOrder({ leg }: { leg: Leg }) {
  const now = useNow()
  if (leg.next_at == null || LEG_SETTLED[leg.state]) return null
  const left = Date.parse(leg.next_at) - now
  const which = leg.slices > 1 ? `Slice ${Math.min(leg.orders + 1, leg.slices)} of ${leg.slices}` : 'Next order'
  return (
    <span className="tnum block text-xs">
      {which} {left > 1000 ? `in ${wholeSeconds(left)}` : 'now'}
    </span>
  )
}
