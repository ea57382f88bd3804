import type { Schemas } from '@/api/client'

/** Money is a decimal string in the quote coin; everything else is a share of one, a count or seconds. */
export type Backtest = Schemas['BacktestView']
export type Figures = Schemas['BacktestFigures']
export type NewBacktest = Schemas['NewBacktest']
export type Settings = Schemas['BacktestSettings']
export type Source = Backtest['source']
export type State = Backtest['state']
export type Trade = Schemas['BacktestTrade']
export type Warning = Schemas['BacktestWarning']

/** What trading costs and may do. Amounts and rates are decimal strings. */
export type Terms = Pick<Settings, 'capital' | 'fee_rate' | 'slippage' | 'allow_short' | 'signal_size'>
