import type { Terms } from '@/features/backtests/types'
import type { InputValue } from '@/features/scripts/scriptInputs'

export type State = 'paper' | 'paused' | 'stopped' | 'failed'

/** What changes while it runs; amounts and prices are decimal strings. */
export interface StrategyTick {
  id: string
  name: string
  state: State
  /** It was stopped, and what it holds is sold at the next minute's open. */
  closing: boolean
  series: string
  timeframe: string
  last_bar: string | null
  next_due: string | null
  target: number | null
  signal: number | null
  /** Signed: below zero is sold short. */
  quantity: string
  entry: string | null
  price: string | null
  price_at: string | null
  equity: string
  pnl: string
  pnl_share: number | null
  changed_at: string
  /** Why the next bar is late, in words; '' while all is well. */
  waiting: string
  error: string | null
  /** A later computation of old bars gives other values. */
  repainted: boolean
}

export interface Strategy extends StrategyTick, Terms {
  script: { id: string; version: number; name: string; deleted: boolean }
  inputs: Record<string, InputValue>
  quote: string
  cash: string
  fees: string
  started_at: string
}

export interface StrategyEvent {
  id: string | number
  kind: string
  text: string
  at: string
  bar: string | null
}

export interface StrategyFill {
  id: string | number
  at: string
  bar: string
  side: 'buy' | 'sell'
  quantity: string
  price: string
  fee: string
  value: string
}
