import clsx from 'clsx'
import { CircleCheck, CircleDashed, CircleHelp, CircleMinus, Hourglass, LoaderCircle, Undo2 } from 'lucide-react'
import type { ComponentType } from 'react'

import { useNow } from '@/lib/clock'
import { wholeSeconds } from '@/lib/times'
import { Price, Quantity } from '@/ui/Money'

import { SideWord } from './PlanLegs'
import type { Execution } from './queries'
import { legsInOrder } from './queries'
import type { Leg, Stage } from './stages'
import { isSettled, stageOf } from './stages'
import { STAGE_WORDS } from './words'

const ICONS: Record<Stage, ComponentType<{ className?: string; strokeWidth?: number }>> = {
  waiting: CircleDashed,
  working: LoaderCircle,
  resting: Hourglass,
  following: LoaderCircle,
  between_slices: Hourglass,
  in_step: Hourglass,
  again: LoaderCircle,
  filled: CircleCheck,
  partial: CircleMinus,
  unfilled: CircleMinus,
  unwound: Undo2,
  unknown: CircleHelp,
  skipped: CircleMinus,
  by_hand: CircleMinus,
}

export function LegLines({ execution }: { execution: Execution }) {
  return (
    <ul aria-label="Legs" className="border-t border-hairline">
      {legsInOrder(execution).map((leg) => (
        <LegLine key={`${leg.symbol} ${leg.state === 'by_hand'}`} leg={leg} stage={stageOf(leg, execution)} />
      ))}
    </ul>
  )
}

function LegLine({ leg, stage }: { leg: Leg; stage: Stage }) {
  const Icon = ICONS[stage]
  return (
    <li className="flex min-h-[var(--row-height)] items-center gap-4 border-b border-hairline py-2 max-md:gap-3">
      <Icon
        className={clsx(
          'size-5 shrink-0',
          Icon === LoaderCircle && 'animate-spin',
          stage === 'unknown' ? 'text-error' : !isSettled(stage) && 'text-muted',
        )}
        strokeWidth={1.75}
      />
      <span className="w-14 shrink-0 font-medium max-md:w-12">{leg.ticker}</span>
      <span className="w-12 shrink-0 max-md:w-9">
        <SideWord side={leg.side} />
      </span>
      <span className="min-w-0 flex-1 text-sm text-muted">
        <Words leg={leg} stage={stage} />
        {leg.note && <span className="block text-xs">{leg.note}</span>}
      </span>
      <span className="text-right text-sm">
        <Quantity value={leg.filled_quantity} /> <span className="text-muted">of</span>{' '}
        <Quantity value={leg.quantity} />
      </span>
    </li>
  )
}

function Words({ leg, stage }: { leg: Leg; stage: Stage }) {
  const now = useNow()
  if (stage === 'resting') {
    const moves = leg.orders - 1
    return (
      <>
        Waiting at <Price value={leg.resting_price} />
        {moves > 0 && (
          <span className="block text-xs">placed {moves === 1 ? 'twice' : `${leg.orders} times`} so far</span>
        )}
      </>
    )
  }
  if (stage !== 'between_slices' || leg.next_at == null) return STAGE_WORDS[stage]
  const left = Date.parse(leg.next_at) - now
  return (
    <span className="tnum">
      Slice {Math.min(leg.orders + 1, leg.slices)} of {leg.slices} {left > 1000 ? `in ${wholeSeconds(left)}` : 'now'}
    </span>
  )
}
