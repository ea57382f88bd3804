/** The user's scripts as a chart draws them. */
import { authorisedFetch } from '@/api/client'
import { ProblemError, problemOf } from '@/api/problem'
import type { ScriptInput } from '@/features/scripts/scriptInputs'
import type { ScriptLine, ScriptMarker, ScriptPlot, ScriptSummary } from '@/features/scripts/types'

import { marksOf } from '../engine/scriptMarks'
import { get, spanQuery } from './api'
import type { ColumnHeader } from './columns'
import { columnOf, parseColumns } from './columns'
import type { Drawable } from './drawable'
import { scriptSpecId } from './drawable'
import type { StripPage } from './strip'

interface ScriptHeader extends ColumnHeader {
  title: string
  overlay: boolean
  inputs: ScriptInput[]
  plots: ScriptPlot[]
  lines: ScriptLine[]
  markers: ScriptMarker[]
  logs: string[]
}

/** What a kept script draws: known with its first values, which come from its newest version. */
export function ofScript(kept: Pick<ScriptSummary, 'id' | 'name' | 'version' | 'inputs'>): Drawable {
  const { id, name, version } = kept
  const blank: Drawable = {
    id: scriptSpecId(id),
    name,
    inputs: kept.inputs,
    plots: [],
    levels: [],
    script: nothing(id),
  }
  return {
    ...blank,
    fetch: async ({ inputs, series, timeframe }, span, signal) => {
      const given = kept.inputs.map((input) => [`in.${input.name}`, String(inputs[input.name] ?? input.default)])
      const query = { series, timeframe, version: String(version), ...Object.fromEntries(given), ...spanQuery(span) }
      const answer = await get(`/api/scripts/${id}/values`, query, signal)
      return pageOf(await answer.arrayBuffer(), blank)
    },
  }
}

/** One that was deleted while a chart still shows it. */
export const goneScript = (id: string): Drawable => ofScript({ id, name: 'Script', version: 0, inputs: [] })

/** A source that is not saved; it is run anew for every span that is looked at. */
export function ofSource(source: string): Drawable {
  const blank: Drawable = { id: 'source', name: 'Script', inputs: [], plots: [], levels: [], script: nothing(null) }
  return {
    ...blank,
    still: true,
    fetch: async ({ inputs, series, timeframe }, { before, limit }, signal) => {
      const wanted = { source, inputs, series, timeframe, limit, ...(before === undefined ? {} : { before }) }
      const request = new Request(new URL('/api/scripts/preview', globalThis.location.origin), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(wanted),
        signal,
      })
      const answer = await authorisedFetch(request)
      if (!answer.ok) throw new ProblemError(problemOf(await answer.json().catch(() => null), answer))
      return pageOf(await answer.arrayBuffer(), blank)
    },
  }
}

const nothing = (id: string | null) => ({ id, lines: [], markers: [], signals: false, target: false, marks: marksOf })

/** The columns in one order: plots, markers, signals, target. */
export function pageOf(body: ArrayBuffer, blank: Drawable): StripPage {
  const page = parseColumns(body)
  const header = page.header as ScriptHeader
  const has = (name: string) => page.columns.has(name)
  const drawable: Drawable = {
    ...blank,
    name: blank.script?.id ? blank.name : header.title || blank.name,
    inputs: header.inputs,
    plots: header.plots.map((plot) => ({ ...plot, colour: plot.colour + 1, band_with: null })),
    script: {
      id: blank.script?.id ?? null,
      lines: header.lines,
      markers: header.markers,
      signals: has('signals'),
      target: has('target'),
      marks: marksOf,
    },
  }
  const names = [
    ...header.plots.map((plot) => plot.id),
    ...header.markers.map((_, number) => `marker:${number}`),
    ...['signals', 'target'].filter(has),
  ]
  return {
    from: header.from,
    time: columnOf(page, 'time'),
    columns: names.map((name) => columnOf(page, name)),
    shape: JSON.stringify([drawable.name, drawable.inputs, drawable.plots, drawable.script]),
    drawable,
  }
}
