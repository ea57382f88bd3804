/** What one chart shows. Plain data: it is kept with the layout. */
import type { Inputs } from '../data/drawable'
import type { Timeframe } from '../data/timeframes'

export const CHART_TYPES = ['candles', 'heikin-ashi', 'bars', 'line', 'area'] as const
export type ChartType = (typeof CHART_TYPES)[number]

export const SCALES = ['linear', 'log', 'percent'] as const
export type ScaleMode = (typeof SCALES)[number]

export interface IndicatorSpec {
  /** Of this chart, so that the same indicator can be added twice. */
  key: string
  /** Of the catalogue, or `script:<id>`. */
  id: string
  inputs: Inputs
  hidden: boolean
}

/** Which marks are drawn. */
export interface MarkChoice {
  fills: boolean
  news: boolean
  journal: boolean
  /** Datasets of signals that are not drawn. */
  hidden_signals: string[]
}

export interface ChartSpec {
  series: string
  timeframe: Timeframe
  type: ChartType
  scale: ScaleMode
  volume: boolean
  /** Other series drawn in percent beside the first. */
  compare: string[]
  indicators: IndicatorSpec[]
  marks: MarkChoice
}

export const DEFAULT_SPEC: Omit<ChartSpec, 'series'> = {
  timeframe: '15m',
  type: 'candles',
  scale: 'linear',
  volume: true,
  compare: [],
  indicators: [],
  marks: { fills: true, news: true, journal: true, hidden_signals: [] },
}

export function isIndex(series: string): boolean {
  return series.startsWith('index:')
}

/** The user's own bars. */
export function isOwn(series: string): boolean {
  return series.startsWith('own:')
}

/** Another series in the same chart. Of an index one level a moment is known, which a line shows best. */
export function withSeries(spec: ChartSpec, series: string): ChartSpec {
  if (isIndex(series) === isIndex(spec.series)) return { ...spec, series }
  const [usual, other] = isIndex(series) ? (['candles', 'line'] as const) : (['line', 'candles'] as const)
  return { ...spec, series, type: spec.type === usual ? other : spec.type }
}
