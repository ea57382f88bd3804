/** The indicators the server computes, and their values as columns. */
import { queryOptions } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'

import { get, spanQuery } from './api'
import { columnOf, parseColumns } from './columns'
import type { Inputs, Question } from './drawable'
import type { StripPage } from './strip'

export type Indicator = Schemas['IndicatorView']
export type IndicatorInput = Schemas['IndicatorInput']
/** `colour` is one of the eight plot colours. */
export type IndicatorPlot = Schemas['IndicatorPlot']

export const indicatorsQuery = queryOptions({
  queryKey: ['indicators'],
  queryFn: () => answer(api.GET('/api/indicators')),
  staleTime: Infinity,
})

interface ValuesRequest extends Question {
  indicator: Pick<Indicator, 'id' | 'plots'>
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

function textOf(inputs: Inputs): Record<string, string> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, String(value)]))
}

export function defaultInputs(indicator: Pick<Indicator, 'inputs'>): Inputs {
  return Object.fromEntries(indicator.inputs.map((input) => [input.name, input.default]))
}
