import type { Schemas } from '@/api/client'

export type Strategy = Schemas['StrategyView']
export type NewStrategy = Schemas['NewStrategy']
export type StrategyEvent = Schemas['StrategyEventView']
export type StrategyFill = Schemas['StrategyFillView']
export type State = Strategy['state']

/** What the stream says of one: what changes while it runs. */
export type StrategyTick = Pick<
  Strategy,
  | 'id'
  | 'name'
  | 'state'
  | 'closing'
  | 'series'
  | 'timeframe'
  | 'last_bar'
  | 'next_due'
  | 'target'
  | 'signal'
  | 'quantity'
  | 'entry'
  | 'price'
  | 'price_at'
  | 'equity'
  | 'pnl'
  | 'pnl_share'
  | 'changed_at'
  | 'waiting'
  | 'error'
  | 'repainted'
>
