import type { Schemas } from '@/api/client'

import type { Execution, Plan } from './queries'
import type { Stage } from './stages'

type ExecutionState = Schemas['ExecutionView']['state']
type Ending = Pick<Execution, 'state' | 'kind' | 'filled_notional'>
type LegState = Schemas['ExecutionLeg']['state']

/** Every state an execution can be in, in words. */
const ENDINGS: Record<ExecutionState, string> = {
  pending: 'Waiting to be sent',
  running: 'Placing orders',
  unwinding: 'Taking it back',
  complete: 'Complete',
  complete_with_residual: 'Complete, with residual as previewed',
  unwound: 'Unwound',
  needs_attention: 'Needs attention',
}

export const LEG_WORDS: Record<LegState, string> = {
  waiting: 'Waiting',
  working: 'At the venue',
  filled: 'Filled',
  partial: 'Partly filled',
  unfilled: 'Not filled',
  unwound: 'Taken back',
  unknown: 'Unknown: the venue has not told yet',
  skipped: 'Left out',
  by_hand: 'Closed by hand',
}

/** How it stands, in words. One that ended before anything was traded says so. */
export function endingTitle({ state, kind, filled_notional }: Ending): string {
  if (state !== 'unwound' || /[1-9]/.test(filled_notional)) return ENDINGS[state]
  return { open: 'Not opened', close: 'Not closed', rebalance: 'Not rebalanced' }[kind]
}

/** "Long BTC.D", "Close BTC.D", "Rebalance BTC.D". */
export function flowTitle({ kind, direction, index_name }: Pick<Plan, 'kind' | 'direction' | 'index_name'>): string {
  return kind === 'open' ? `${capital(direction)} ${index_name}` : `${capital(kind)} ${index_name}`
}

/** As {@link LEG_WORDS}, with what a tactic that takes its time does meanwhile. */
export const STAGE_WORDS: Record<Stage, string> = {
  ...LEG_WORDS,
  resting: 'Waiting in the book',
  following: 'Following the price',
  between_slices: 'Waiting for the next slice',
  in_step: 'Waiting for the other legs',
  again: 'Trying again',
}

export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

export function orders(count: number): string {
  return count === 1 ? '1 order' : `${count} orders`
}
