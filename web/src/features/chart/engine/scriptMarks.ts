/** What a script marks on the bars: its markers, and where its opinion changes. */
import { ofScript } from '../marks/model'
import type { MarkItem } from '../marks/model'
import type { BarWindow } from '../data/windowStore'
import type { IndicatorView } from './IndicatorView'

/** Of closed bars only: a bar that forms may still change its mind. `until`: the last that is closed. */
export function marksOf(view: IndicatorView, window: BarWindow, until: number): MarkItem[] {
  const { script, plots, name } = view.indicator
  if (!script || view.spec.hidden) return []
  const columns = view.feed.columns.slice(plots.length)
  const { key } = view.spec
  const taken = new Set<number>()
  const items: MarkItem[] = []
  for (const [number, marker] of script.markers.entries()) {
    const on = columns[number]
    for (let index = 0; on && index < window.length; index += 1) {
      const time = window.time[index] ?? Infinity
      if (on[index] !== 1 || time > until) continue
      taken.add(index)
      items.push(ofScript({ script: name, words: marker.label, ...lookOf(marker) }, `${key}-${number}`, time))
    }
  }
  const signals = script.signals ? columns[script.markers.length] : undefined
  for (const [index, side] of signals ? turns(signals, window.length) : []) {
    const time = window.time[index] ?? Infinity
    if (taken.has(index) || time > until) continue
    items.push(ofScript({ script: name, ...(side > 0 ? LONG : SHORT) }, `${key}-signal-${side}`, time))
  }
  return items
}

const LONG = { words: 'Long', shape: 'arrow-up', place: 'below', colour: 'up' } as const
const SHORT = { words: 'Short', shape: 'arrow-down', place: 'above', colour: 'down' } as const
const SHAPES = { up: 'arrow-up', down: 'arrow-down', circle: 'circle', flag: 'flag' } as const

type Parts = NonNullable<IndicatorView['indicator']['script']>

function lookOf({ shape, at, colour }: Parts['markers'][number]) {
  return { shape: SHAPES[shape], place: at, colour: `plot-${colour + 1}` }
}

/** The bars at which the opinion is another than the one before, whatever was held in between. */
export function turns(signals: Float64Array, length: number): [index: number, side: number][] {
  const found: [number, number][] = []
  let before: number | null = null
  for (let index = 0; index < length; index += 1) {
    const side = Math.sign(signals[index] ?? NaN)
    if (!side) {
      if (side === 0) before ??= 0
      continue
    }
    if (before !== null && side !== before) found.push([index, side])
    before = side
  }
  return found
}
