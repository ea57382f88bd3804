import { money } from '@/lib/numbers'
import { duration, utcDate } from '@/lib/times'

import type { Backtest, State, Warning } from './types'

export const count = (rows: number) => money(rows, 0)

export const STATE_WORDS: Record<State, string> = {
  queued: 'Waiting',
  running: 'Running',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

const STAGES: Record<Backtest['progress']['stage'], string> = {
  queued: 'Waiting for its turn',
  history: 'Fetching older bars',
  bars: 'Reading bars',
  script: 'Running the script',
  causality: 'Looking whether it sees the future',
  trading: 'Trading',
  figures: 'Counting',
  done: 'Finishing',
}

export const stageWords = (stage: keyof typeof STAGES) => STAGES[stage]

/** The mark that a result cannot be trusted: the script knew what came later. */
export const isLookingAhead = ({ warnings }: Pick<Backtest, 'warnings'>) => warnings.some(looksAhead)

export const looksAhead = ({ kind }: Warning) => kind === 'look-ahead'

const DAY_SECONDS = 86_400

/** "3 d 4 h", "1 h 5 min". */
export function lasting(seconds: number): string {
  const days = Math.floor(seconds / DAY_SECONDS)
  if (days === 0) return duration(seconds * 1000)
  const hours = Math.floor((seconds % DAY_SECONDS) / 3600)
  return hours > 0 && days < 30 ? `${days} d ${hours} h` : `${count(days)} d`
}

/** "1 Jan 2024 – 31 Dec 2024". */
export function spanWords(first: string | null, last: string | null): string {
  if (!first && !last) return 'all there is'
  if (!first) return `until ${utcDate(Date.parse(last ?? ''))}`
  return `${utcDate(Date.parse(first))} – ${last ? utcDate(Date.parse(last)) : 'now'}`
}
