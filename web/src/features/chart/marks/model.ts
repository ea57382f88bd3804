/** Everything that is marked on a chart: own fills, news, own signals, entries of the journal. */
import type { Schemas } from '@/api/client'
import { forGeometry } from '@/lib/numbers'

export type Fill = Schemas['FillView']
export type NewsMark = Schemas['NewsMark']
export type Signal = Schemas['SignalView']
export type Entry = Schemas['JournalMark']

/** What a script of the user's marks. */
export interface ScriptMark extends Pick<Look, 'shape' | 'place' | 'colour'> {
  /** What the script is called. */
  script: string
  words: string
}

/** What a mark tells of. */
export type Told =
  | { kind: 'script'; mark: ScriptMark }
  | { kind: 'fill'; fill: Fill }
  | { kind: 'news'; news: NewsMark }
  | { kind: 'signal'; signal: Signal }
  | { kind: 'journal'; entry: Entry }

export type MarkKind = Told['kind']
export type Shape = 'arrow-up' | 'arrow-down' | 'circle' | 'square' | 'diamond' | 'star' | 'flag' | 'disc' | 'note'

/** How it is drawn. */
export interface Look {
  /** At a price, under or over its bar, or in a row at the foot of the chart. */
  place: 'price' | 'below' | 'above' | 'foot'
  /** Of a mark that stands at a price. */
  price: number
  /** In the mean price of marks that are drawn as one. */
  weight: number
  shape: Shape
  /** `#rrggbb` or a colour of the page: up, down, ink, muted, error, plot-1 to plot-8. */
  colour: string
  /** Inside the shape, so that colour is never the only sign. */
  sign: string
  label: string
  /** Marks of one group that fall on one bar are drawn as one. */
  group: string
}

/** `time`: UTC seconds. */
export type MarkItem = { id: string; time: number } & Look & Told

const LOOK: Look = {
  place: 'foot',
  price: NaN,
  weight: 1,
  shape: 'disc',
  colour: 'ink',
  sign: '',
  label: '',
  group: '',
}

/** Not a payment of funding. */
export const isTrade = (fill: Fill) => fill.exec_type === 'Trade'

export function ofFill(fill: Fill): MarkItem {
  const bought = fill.side === 'buy'
  return {
    ...LOOK,
    kind: 'fill',
    fill,
    id: fill.exec_id,
    time: Date.parse(fill.executed_at) / 1000,
    place: 'price',
    price: forGeometry(fill.price),
    weight: forGeometry(fill.quantity),
    shape: bought ? 'arrow-up' : 'arrow-down',
    colour: bought ? 'up' : 'down',
    label: bought ? 'B' : 'S',
    group: `fill-${fill.side}`,
  }
}

const MOODS = {
  positive: { colour: 'up', sign: '+' },
  negative: { colour: 'down', sign: '−' },
  neutral: { colour: 'muted', sign: '=' },
  unknown: { colour: 'muted', sign: '?' },
} as const

/** Stands where it became known, not where it was published. */
export function ofNews(news: NewsMark): MarkItem {
  return { ...LOOK, ...MOODS[news.mood], kind: 'news', news, id: news.id, time: news.time, group: 'news' }
}

const TYPES: Record<string, Pick<Look, 'place' | 'shape' | 'colour'>> = {
  buy: { place: 'below', shape: 'arrow-up', colour: 'up' },
  long: { place: 'below', shape: 'arrow-up', colour: 'up' },
  sell: { place: 'above', shape: 'arrow-down', colour: 'down' },
  short: { place: 'above', shape: 'arrow-down', colour: 'down' },
  exit: { place: 'above', shape: 'square', colour: 'ink' },
  info: { place: 'above', shape: 'circle', colour: 'muted' },
}

const SHAPES: readonly Shape[] = ['arrow-up', 'arrow-down', 'circle', 'square', 'diamond', 'star', 'flag']

export function ofSignal(signal: Signal): MarkItem {
  const usual = TYPES[signal.type] ?? { place: 'above', shape: 'circle', colour: 'ink' }
  const shape = SHAPES.find((each) => each === signal.icon) ?? usual.shape
  const colour = signal.color || usual.colour
  return {
    ...LOOK,
    kind: 'signal',
    signal,
    id: `${signal.dataset_id}-${signal.number}`,
    time: signal.time,
    place: signal.price === null ? usual.place : 'price',
    price: forGeometry(signal.price),
    shape,
    colour,
    label: signal.label,
    group: `${signal.dataset_id}-${signal.type}-${shape}-${colour}`,
  }
}

/** `group`: marks of one group are alike. */
export function ofScript(mark: ScriptMark, group: string, time: number): MarkItem {
  const { shape, place, colour, words } = mark
  return { ...LOOK, kind: 'script', mark, id: `${group}-${time}`, time, shape, place, colour, label: words, group }
}

export function ofEntry(entry: Entry): MarkItem {
  return { ...LOOK, kind: 'journal', entry, id: entry.id, time: entry.time, shape: 'note', group: 'journal' }
}
