import type { Execution } from './queries'
import { isFinished } from './queries'

export type Leg = Execution['legs'][number]

/** A leg's state, and what a tactic that takes its time does meanwhile. */
export type Stage = Leg['state'] | 'resting' | 'following' | 'between_slices' | 'in_step' | 'again'

const OVER: readonly Leg['state'][] = ['filled', 'unknown', 'unwound', 'skipped', 'by_hand']

export function stageOf(leg: Leg, execution: Execution): Stage {
  if (leg.resting_price != null) return 'resting'
  if (isFinished(execution) || OVER.includes(leg.state) || execution.state !== 'running') return leg.state
  if (leg.next_at != null) {
    if (execution.tactic.kind === 'passive') return 'following'
    return execution.tactic.kind === 'twap' && leg.slices > 1 ? 'between_slices' : 'again'
  }
  const unfinished = leg.state === 'partial' || leg.state === 'unfilled'
  return unfinished && execution.until !== null ? 'in_step' : leg.state
}

/** Nothing more will happen to the leg. */
export const isSettled = (stage: Stage): boolean =>
  ['filled', 'partial', 'unfilled', 'unwound', 'skipped', 'by_hand'].includes(stage)
