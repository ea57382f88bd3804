/** What a chart says of itself, on the page and on its picture. */
import { compact, MINUS, money, plotValue, signedPercent, signOf } from '@/lib/numbers'

import { decimalsComputed } from '../data/pages'
import type { BarWindow } from '../data/windowStore'
import type { ChartEngine } from './ChartEngine'
import type { CompareView } from './CompareView'
import type { IndicatorView } from './IndicatorView'
import type { ChartSpec } from './spec'
import { isIndex } from './spec'
import type { ChartColours } from './theme'

export type Pair = readonly [name: string, value: string]

/** Beside values of the bar that is not closed yet. */
export const FORMING_WORDS = 'still forming'

/** Of an index drawn as a line there is one level a moment. */
export function isOnlyLevel({ series, type }: Pick<ChartSpec, 'series' | 'type'>): boolean {
  return isIndex(series) && (type === 'line' || type === 'area')
}

/** The prices of a bar, or its one level. */
export function pricesOf(window: BarWindow, index: number, decimals: number, onlyLevel: boolean): Pair[] {
  const bar = window.at(index)
  if (!bar) return []
  const price = (value: number) => money(value, decimals)
  if (onlyLevel) return [['Level', price(bar.close)]]
  return [
    ['O', price(bar.open)],
    ['H', price(bar.high)],
    ['L', price(bar.low)],
    ['C', price(bar.close)],
  ]
}

/** The volume of a bar, where there is any. */
export function volumeOf(window: BarWindow, index: number): Pair[] {
  const volume = window.at(index)?.volume ?? 0
  return volume > 0 ? [['Vol', compact(volume)]] : []
}

/** Since the close before. As it is rounded: what reads 0.00% has no direction. */
export function changeOf(window: BarWindow, index: number): { text: string; direction: -1 | 0 | 1 } {
  const bar = window.at(index)
  const before = window.at(index - 1)?.close ?? bar?.open ?? 0
  const text = signedPercent(before === 0 || !bar ? 0 : bar.close / before - 1)
  const direction = signOf(text.replace(MINUS, '-'))
  const arrow = { '-1': '▼ ', '0': '', '1': '▲ ' }[direction]
  return { text: arrow + text, direction }
}

/** "20 2": what an indicator was asked with. A yes or no says little without its question. */
export function inputsOf({ indicator, spec }: IndicatorView): string {
  const asked = indicator.inputs.filter(({ kind }) => kind !== 'bool' && kind !== 'color')
  return asked.map((input) => spec.inputs[input.name] ?? input.default).join(' ')
}

export interface PlotWords {
  id: string
  label: string
  text: string
  colour: string
}

/** The values of an indicator at a bar, as far as there are any. */
export function valuesOf(view: IndicatorView, index: number, decimals: number, colours: ChartColours): PlotWords[] {
  const values = view.valuesAt(index).flatMap(({ plot, value }) => {
    if (Number.isNaN(value)) return []
    const text = plot.pane === 'price' ? money(value, decimalsComputed(decimals)) : plotValue(value)
    return [{ id: plot.id, label: plot.label, text, colour: colours.plots[plot.colour - 1] ?? colours.ink }]
  })
  const target = targetAt(view, index)
  if (Number.isNaN(target)) return values
  return [
    ...values,
    { id: ' target', label: 'Target', text: `target ${signedPercent(target, 0)}`, colour: colours.muted },
  ]
}

/** The weight that a script wants to hold after a bar: the last it said. */
function targetAt({ indicator, feed }: IndicatorView, index: number): number {
  const column = indicator.script?.target ? feed.columns.at(-1) : undefined
  return column?.subarray(0, index + 1).findLast((value) => !Number.isNaN(value)) ?? NaN
}

/** How far a compared series has gone from the first bar on the screen to one; '' where it has no bars. */
export function goneOf({ closes }: CompareView, engine: ChartEngine, index: number): string {
  const first = closes.subarray(engine.viewport.first(), index + 1).find((value) => !Number.isNaN(value))
  const change = first ? (closes[index] ?? NaN) / first - 1 : NaN
  return Number.isNaN(change) ? '' : signedPercent(change)
}
