/** What one chart shows. Plain data: it is kept with the layout. */
import type { Timeframe } from '../data/timeframes'

export const CHART_TYPES = ['candles', 'heikin-ashi', 'bars', 'line', 'area'] as const
export type ChartType = (typeof CHART_TYPES)[number]

export const SCALES = ['linear', 'log', 'percent'] as const
export type ScaleMode = (typeof SCALES)[number]

export interface IndicatorSpec {
  /** Of this chart, so that the same indicator can be added twice. */
  key: string
  id: string
  inputs: Record<string, number | string>
  hidden: boolean
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
}

export const DEFAULT_SPEC: Omit<ChartSpec, 'series'> = {
  timeframe: '15m',
  type: 'candles',
  scale: 'linear',
  volume: true,
  compare: [],
  indicators: [],
}

export function isIndex(series: string): boolean {
  return series.startsWith('index:')
}

/** Another series in the same chart. Of an index one level a moment is known, which a line shows best. */
export function withSeries(spec: ChartSpec, series: string): ChartSpec {
  if (isIndex(series) === isIndex(spec.series)) return { ...spec, series }
  const [usual, other] = isIndex(series) ? (['candles', 'line'] as const) : (['line', 'candles'] as const)
  return { ...spec, series, type: spec.type === usual ? other : spec.type }
}
