import type { Schemas } from '@/api/client'

type ExecutionState = Schemas['ExecutionView']['state']
type LegState = Schemas['ExecutionLeg']['state']

export interface Ending {
  title: string
  final: boolean
  tone: 'plain' | 'strong' | 'error'
}

/** Every state an execution can be in, in words. */
export const ENDINGS: Record<ExecutionState, Ending> = {
  pending: { title: 'Waiting to be sent', final: false, tone: 'plain' },
  running: { title: 'Placing orders', final: false, tone: 'plain' },
  unwinding: { title: 'Taking it back', final: false, tone: 'plain' },
  complete: { title: 'Complete', final: true, tone: 'strong' },
  complete_with_residual: { title: 'Complete, with residual as previewed', final: true, tone: 'strong' },
  unwound: { title: 'Unwound', final: true, tone: 'plain' },
  needs_attention: { title: 'Needs attention', final: true, tone: 'error' },
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

/** Legs nothing more will happen to. */
export const LEG_SETTLED: Record<LegState, boolean> = {
  waiting: false,
  working: false,
  filled: true,
  partial: true,
  unfilled: true,
  unwound: true,
  unknown: false,
  skipped: true,
  by_hand: true,
}

export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

export function orders(count: number): string {
  return count === 1 ? '1 order' : `${count} orders`
}
