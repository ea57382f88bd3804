/** The legends of a chart on its picture, where they stand on the page: over the price and over every pane. */
import type { IPaneApi, Time } from 'lightweight-charts'

import { splitSeries } from '../data/series'
import { sourceWords, symbolWords } from '../words'
import type { ChartEngine } from './ChartEngine'
import type { IndicatorView } from './IndicatorView'
import type { Pair } from './legend'
import { changeOf, FORMING_WORDS, goneOf, inputsOf, isOnlyLevel, pricesOf, valuesOf, volumeOf } from './legend'
import { compareColour } from './OutputLayer'
import type { ChartSpec } from './spec'
import type { ChartColours } from './theme'

interface Piece {
  text: string
  colour: string
  weight: number
}

/** Pieces that are not parted when a line breaks. */
type Group = readonly Piece[]

/** `top`: below the upper edge of the chart. */
interface Block {
  top: number
  lines: Group[][]
}

const LEFT = 14
const FIRST = 16
const LINE = 19
const SPACE = 5
const GAP = 10

/** `top`: where the chart begins on the picture. */
export function drawLegend(
  context: CanvasRenderingContext2D,
  engine: ChartEngine,
  spec: ChartSpec,
  top: number,
  font: string,
): void {
  for (const block of blocksOf(engine, spec)) {
    let y = top + block.top + FIRST
    for (const line of block.lines) y = drawLine(context, engine, line, y, font)
  }
}

function blocksOf(engine: ChartEngine, spec: ChartSpec): Block[] {
  const { colours, feed, outputs } = engine
  const index = engine.viewport.last()
  const indicators = outputs.indicators.get().filter((view) => !view.spec.hidden)
  const lineOf = (view: IndicatorView): Group[] => {
    const values = valuesOf(view, index, feed.state.get().decimals, colours)
    return [
      named(view.indicator.name, inputsOf(view), colours),
      ...values.map(({ text, colour }) => [medium(text, colour)]),
      ...(values.length > 0 && index === feed.forming ? [[medium(FORMING_WORDS, colours.muted)]] : []),
    ]
  }
  const compared = outputs.compared.get().map((view, place): Group[] => {
    const name = named(symbolWords(view.series), sourceWords(splitSeries(view.series)[0]), colours)
    const gone = goneOf(view, engine, index)
    return gone ? [name, [medium(gone, compareColour(colours, place))]] : [name]
  })
  const over = indicators.filter((view) => !view.pane).map(lineOf)
  const below = indicators.flatMap((view) =>
    view.pane ? [{ top: topOf(engine, view.pane.anchor.getPane()), lines: [lineOf(view)] }] : [],
  )
  return [{ top: 0, lines: [barOf(engine, spec, index), ...compared, ...over] }, ...below]
}

/** Its prices, its change and its volume. */
function barOf({ feed: { window, state }, colours }: ChartEngine, spec: ChartSpec, index: number): Group[] {
  if (index < 0) return []
  const group = ([name, value]: Pair): Group => [plain(name, colours.muted), plain(value, colours.ink)]
  const { series, decimals } = state.get()
  const { text, direction } = changeOf(window, index)
  const colour = { '-1': colours.down, '0': colours.muted, '1': colours.up }[direction]
  return [
    ...pricesOf(window, index, decimals, isOnlyLevel({ series, type: spec.type })).map(group),
    [medium(text, colour)],
    ...(spec.volume ? volumeOf(window, index).map(group) : []),
  ]
}

/** Breaks the line before it would cover the scale. Returns where the next one stands. */
function drawLine(context: CanvasRenderingContext2D, engine: ChartEngine, groups: Group[], y: number, font: string) {
  const right = engine.chart.timeScale().width()
  let x = LEFT
  for (const group of groups) {
    const sizes = group.map((piece) => widthOf(context, piece, font))
    const width = sizes.reduce((sum, size) => sum + size, SPACE * (group.length - 1))
    if (x > LEFT && x + width > right) [x, y] = [LEFT, y + LINE]
    context.globalAlpha = 0.7
    context.fillStyle = engine.colours.canvas
    context.fillRect(x - SPACE, y - LINE / 2, width + 2 * SPACE, LINE)
    context.globalAlpha = 1
    group.forEach((piece, place) => {
      context.font = fontOf(piece, font)
      context.fillStyle = piece.colour
      context.fillText(piece.text, x, y)
      x += (sizes[place] ?? 0) + SPACE
    })
    x += GAP - SPACE
  }
  return groups.length > 0 ? y + LINE : y
}

const plain = (text: string, colour: string): Piece => ({ text, colour, weight: 400 })
const medium = (text: string, colour: string): Piece => ({ text, colour, weight: 500 })

const named = (name: string, detail: string, colours: ChartColours): Group => [
  medium(name, colours.ink),
  plain(detail, colours.muted),
]

const fontOf = ({ weight }: Piece, font: string) => `${weight} 13px ${font}`

function widthOf(context: CanvasRenderingContext2D, piece: Piece, font: string): number {
  context.font = fontOf(piece, font)
  return context.measureText(piece.text).width
}

function topOf({ chart }: ChartEngine, pane: IPaneApi<Time>): number {
  const top = pane.getHTMLElement()?.getBoundingClientRect().top ?? 0
  return top - chart.chartElement().getBoundingClientRect().top
}
