import { Progress } from 'radix-ui'

import { useNow } from '@/lib/clock'
import { wholeSeconds } from '@/lib/times'
import { Notice } from '@/ui/States'
import { ServerWords } from '@/ui/ServerWords'

import { LegLines } from './LegLines'
import type { Execution } from './queries'
import { isFinished } from './queries'
import { isSettled, stageOf } from './stages'
import { endingTitle } from './words'

/** Leg by leg, as the venue answers. */
export function ProgressStep({ execution }: { execution: Execution }) {
  const settled = execution.legs.filter((leg) => isSettled(stageOf(leg, execution))).length
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
      {execution.reason && (
        <Notice className="mb-6">
          <ServerWords>{execution.reason}</ServerWords>
        </Notice>
      )}
      <LegLines execution={execution} />
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
