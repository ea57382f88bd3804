/** The indicators the server computes, and their values as columns. */
import { queryOptions } from '@tanstack/react-query'

import { get, spanQuery } from './api'
import { columnOf, parseColumns } from './columns'
import type { StripPage } from './strip'
import type { Timeframe } from './timeframes'

export interface IndicatorInput {
  name: string
  label: string
  kind: 'int' | 'float' | 'source' | 'choice'
  default: number | string
  min?: number | null
  max?: number | null
  options?: string[] | null
}

export interface IndicatorPlot {
  id: string
  label: string
  kind: 'line' | 'histogram' | 'columns' | 'area' | 'band' | 'dots'
  pane: 'price' | 'own'
  /** One of the eight plot colours. */
  colour: number
  band_with?: string | null
}

export interface Indicator {
  id: string
  name: string
  group: string
  about: string
  inputs: IndicatorInput[]
  plots: IndicatorPlot[]
  levels: number[]
}

export const indicatorsQuery = queryOptions({
  queryKey: ['indicators'],
  queryFn: async () => (await (await get('/api/indicators', {})).json()) as Indicator[],
  staleTime: Infinity,
})

export interface ValuesRequest {
  indicator: Indicator
  inputs: Record<string, number | string>
  series: string
  timeframe: Timeframe
}

/** The columns of all plots, in the order of the catalogue. */
export async function fetchValues(
  { indicator, inputs, series, timeframe }: ValuesRequest,
  span: { before?: number; limit: number },
  signal: AbortSignal,
): Promise<StripPage> {
  const query = { ...textOf(inputs), series, timeframe, ...spanQuery(span) }
  const response = await get(`/api/indicators/${encodeURIComponent(indicator.id)}/values`, query, signal)
  const page = parseColumns(await response.arrayBuffer())
  return {
    from: page.header.from,
    time: columnOf(page, 'time'),
    columns: indicator.plots.map((plot) => columnOf(page, plot.id)),
  }
}

function textOf(inputs: Record<string, number | string>): Record<string, string> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, String(value)]))
}

export function defaultInputs(indicator: Indicator): Record<string, number | string> {
  return Object.fromEntries(indicator.inputs.map((input) => [input.name, input.default]))
}
