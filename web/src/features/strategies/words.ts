import { quantity, signOf, signedPercent } from '@/lib/numbers'

import type { State, StrategyEvent, StrategyFill, StrategyTick } from './types'

export const STATE_WORDS: Record<State, string> = {
  paper: 'Runs on paper',
  paused: 'Paused',
  stopped: 'Stopped',
  failed: 'Failed',
}

/** For good: what is paused or failed can be resumed. */
export const isOver = ({ state }: Pick<StrategyTick, 'state'>) => state === 'stopped'

/** "Long 0.52", "Short 3", "Flat". */
export function holdingWords({ quantity: held }: Pick<StrategyTick, 'quantity'>): string {
  const sign = signOf(held)
  if (sign === 0) return 'Flat'
  return `${sign > 0 ? 'Long' : 'Short'} ${quantity(held.replace('-', ''))}`
}

/** What the script asked for at the last bar, as a share of the account. */
export function targetWords(target: number | null): string {
  if (target === null) return 'Nothing yet'
  return target === 0 ? 'Flat' : `${signedPercent(target, 0)} of the account`
}

const KINDS: Record<StrategyEvent['kind'], string> = {
  started: 'Started',
  paused: 'Paused',
  resumed: 'Resumed',
  stopped: 'Stopped',
  closed: 'Closed',
  failed: 'Failed',
  error: 'Error',
  gap: 'Gap',
  alert: 'Alert',
  signal: 'Signal',
  repainted: 'Repainted',
}

export const eventWords = (kind: StrategyEvent['kind']) => KINDS[kind]

/** Why a fill was booked, where the script did not ask for it. */
export const REASON_WORDS: Record<StrategyFill['reason'], string> = {
  target: '',
  stop: 'closed by stopping',
  ruin: 'the short had lost all',
}

/** "Line 2: There is no “oops” here." */
export const faultWords = ({ message, line }: NonNullable<StrategyTick['error']>) =>
  line ? `Line ${line}: ${message}` : message
