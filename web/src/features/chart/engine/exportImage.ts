/** A picture of the chart with its name, its legend, its time and where it comes from. */
import { utcMinute } from '@/lib/times'

import { splitSeries } from '../data/series'
import { sourceWords, symbolWords } from '../words'
import type { ChartEngine } from './ChartEngine'
import { drawLegend } from './imageLegend'
import type { ChartSpec } from './spec'

const HEAD = 44
const FOOT = 30
const FOOT_LINE = 18
const MARGIN = 14
/** Where the foot has room for one thing in a line only. */
const NARROW = 440

interface Origin {
  simulated: boolean
  /** UTC seconds. */
  now: number
}

export function drawImage(engine: ChartEngine, spec: ChartSpec, origin: Origin): HTMLCanvasElement {
  const { chart, colours } = engine
  const shot = chart.takeScreenshot(true, false)
  const width = chart.chartElement().clientWidth
  const ratio = shot.width / width
  const foot = FOOT + (width < NARROW ? FOOT_LINE : 0)
  const canvas = document.createElement('canvas')
  canvas.width = shot.width
  canvas.height = shot.height + (HEAD + foot) * ratio
  const context = canvas.getContext('2d')
  if (!context) throw new Error('This browser draws no pictures.')
  context.fillStyle = colours.canvas
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(shot, 0, HEAD * ratio)
  context.scale(ratio, ratio)
  context.textBaseline = 'middle'
  const family = getComputedStyle(document.body).fontFamily
  drawLegend(context, engine, spec, HEAD, family)
  drawHead(context, engine, origin, family)
  drawFoot(context, HEAD + shot.height / ratio + FOOT / 2, width, origin, {
    colour: colours.muted,
    font: `12px ${family}`,
  })
  return canvas
}

function drawHead(
  context: CanvasRenderingContext2D,
  { chart, colours, feed }: ChartEngine,
  { simulated }: Origin,
  family: string,
): void {
  let right = chart.chartElement().clientWidth - MARGIN
  if (simulated) {
    const words = 'Simulated market'
    const look = { font: `600 13px ${family}`, colour: colours.error, align: 'right' } as const
    right -= write(context, words, right, HEAD / 2, look) + MARGIN
  }
  const { series, timeframe } = feed.state.get()
  const title = `${symbolWords(series)} · ${sourceWords(splitSeries(series)[0])} · ${timeframe}`
  write(context, title, MARGIN, HEAD / 2, { font: `600 15px ${family}`, colour: colours.ink, room: right - MARGIN })
}

/** When and by what it was made. */
function drawFoot(
  context: CanvasRenderingContext2D,
  y: number,
  width: number,
  { now }: Origin,
  look: { colour: string; font: string },
): void {
  write(context, `Holdfast · ${utcMinute(now)} UTC`, MARGIN, y, look)
  const maker = 'TradingView Lightweight Charts™'
  if (width < NARROW) write(context, maker, MARGIN, y + FOOT_LINE, look)
  else write(context, maker, width - MARGIN, y, { ...look, align: 'right' })
}

interface Look {
  font: string
  colour: string
  align?: 'left' | 'right'
  /** Letters are set closer where they would be wider. */
  room?: number
}

/** Returns how wide the words are. */
function write(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  { font, colour, align = 'left', room }: Look,
): number {
  context.font = font
  context.fillStyle = colour
  context.textAlign = align
  context.fillText(text, x, y, room)
  return context.measureText(text).width
}

/** Of the file: by the bars that are on it, whatever was chosen since. */
export function imageName({ feed }: ChartEngine): string {
  const { series, timeframe } = feed.state.get()
  return `${symbolWords(series)}-${timeframe}`.replace(/[^\w.-]+/g, '-') + '.png'
}

export function saveImage(canvas: HTMLCanvasElement, name: string): void {
  canvas.toBlob((blob) => {
    if (!blob) return
    const link = document.createElement('a')
    link.href = URL.createObjectURL(blob)
    link.download = name
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  })
}
