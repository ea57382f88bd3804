/** Draws plots onto a canvas in device pixels. */
import type { Positions } from './geometry'
import { bandPolygons, columnEdges, columnWidth, linePath } from './geometry'
import type { Plot } from './plots'

export interface Frame {
  context: CanvasRenderingContext2D
  at: Positions
  width: number
  height: number
  /** Device pixels per CSS pixel. */
  ratio: number
  yOf: (value: number) => number
  /** What a compared series is multiplied with. */
  scaleOf: (values: Float64Array) => number
  /** The bar still forms: what is drawn of it may change. */
  isForming?: boolean
}

const BAND_OPACITY = 0.12
const AREA_OPACITY = 0.18
const COLUMN_OPACITY = 0.7
const VOLUME_OPACITY = 0.32
const VOLUME_HEIGHT = 0.18
/** Behind a colour: more than half of it. */
const LIGHTER = '99'

/** What is computed bar by bar, and how many bars before it a bar is joined to. */
const JOINED: Partial<Record<Plot['kind'], number>> = { line: 1, area: 1, band: 1, dots: 0, histogram: 0, columns: 0 }

/** Draws a plot, `forming` being the bar that may still change: there all is lighter, and lines are dashed. */
export function paintUpTo(frame: Frame, plot: Plot, forming: number): void {
  const { at } = frame
  const joined = JOINED[plot.kind]
  if (joined === undefined || forming > at.to) {
    paintPlot(frame, plot)
    return
  }
  const from = Math.max(at.from, forming - joined)
  paintPlot({ ...frame, at: { ...at, to: forming - 1 } }, plot)
  paintPlot({ ...frame, at: { ...at, from, to: forming }, isForming: true }, { ...plot, colour: plot.colour + LIGHTER })
}

function paintPlot(frame: Frame, plot: Plot): void {
  const { context } = frame
  context.save()
  context.lineJoin = 'round'
  context.lineWidth = 1.5 * frame.ratio
  context.strokeStyle = context.fillStyle = plot.colour
  if (frame.isForming) context.setLineDash([3 * frame.ratio, 3 * frame.ratio])
  switch (plot.kind) {
    case 'line':
      stroke(context, linePath(plot.values, frame.at, frame.yOf))
      break
    case 'compare': {
      const scale = frame.scaleOf(plot.values)
      stroke(
        context,
        linePath(plot.values, frame.at, (value) => frame.yOf(value * scale)),
      )
      break
    }
    case 'area':
      paintArea(frame, plot.values)
      break
    case 'band':
      context.globalAlpha = BAND_OPACITY
      for (const polygon of bandPolygons(plot.values, plot.other, frame.at, frame.yOf)) fill(context, polygon)
      break
    case 'histogram':
    case 'columns':
      context.globalAlpha = COLUMN_OPACITY
      paintColumns(frame, plot.values)
      break
    case 'dots':
      paintDots(frame, plot.values)
      break
    case 'level':
      paintLevel(frame, plot)
      break
    case 'gaps':
      paintGaps(frame, plot)
      break
    case 'volume':
      paintVolume(frame, plot)
      break
  }
  context.restore()
}

function trace(context: CanvasRenderingContext2D, path: number[]): void {
  context.beginPath()
  let pen = false
  for (let index = 0; index < path.length; index += 2) {
    const [x, y] = [path[index] ?? NaN, path[index + 1] ?? NaN]
    if (Number.isNaN(x)) pen = false
    else if (pen) context.lineTo(x, y)
    else {
      context.moveTo(x, y)
      pen = true
    }
  }
}

function stroke(context: CanvasRenderingContext2D, path: number[]): void {
  trace(context, path)
  context.stroke()
}

function fill(context: CanvasRenderingContext2D, polygon: number[]): void {
  trace(context, polygon)
  context.closePath()
  context.fill()
}

/** The line, and its fill down to zero or to the floor of the pane, whichever is nearer. */
function paintArea(frame: Frame, values: Float64Array): void {
  const floor = Math.min(frame.height, Math.max(0, frame.yOf(0) || frame.height))
  const { context } = frame
  stroke(context, linePath(values, frame.at, frame.yOf))
  context.globalAlpha = AREA_OPACITY
  const zero = new Float64Array(values.length)
  for (const polygon of bandPolygons(values, zero, frame.at, (value) => (value === 0 ? floor : frame.yOf(value)))) {
    fill(context, polygon)
  }
}

function paintColumns(frame: Frame, values: Float64Array): void {
  const { at, context } = frame
  const width = columnWidth(at.dx)
  const zero = Math.min(frame.height, Math.max(0, frame.yOf(0)))
  for (let index = at.from; index <= at.to; index += 1) {
    const value = values[index] ?? NaN
    if (Number.isNaN(value)) continue
    const [left, wide] = columnEdges(at.x0 + index * at.dx, width)
    const y = frame.yOf(value)
    context.fillRect(left, Math.min(y, zero), wide, Math.max(1, Math.abs(zero - y)))
  }
}

function paintDots(frame: Frame, values: Float64Array): void {
  const { at, context } = frame
  const radius = Math.max(1.5 * frame.ratio, Math.min(3 * frame.ratio, at.dx / 4))
  context.beginPath()
  for (let index = at.from; index <= at.to; index += 1) {
    const value = values[index] ?? NaN
    if (Number.isNaN(value)) continue
    const [x, y] = [at.x0 + index * at.dx, frame.yOf(value)]
    context.moveTo(x + radius, y)
    context.arc(x, y, radius, 0, Math.PI * 2)
  }
  context.fill()
}

function paintLevel(frame: Frame, { value, label, font }: Extract<Plot, { kind: 'level' }>): void {
  const { context } = frame
  const y = Math.round(frame.yOf(value)) + 0.5
  context.lineWidth = Math.max(1, Math.floor(frame.ratio))
  context.setLineDash([4 * frame.ratio, 4 * frame.ratio])
  context.beginPath()
  context.moveTo(0, y)
  context.lineTo(frame.width, y)
  context.stroke()
  if (!label || !font) return
  context.font = `${11 * frame.ratio}px ${font}`
  context.textAlign = 'right'
  context.fillText(label, frame.width - 6 * frame.ratio, y - 4 * frame.ratio)
}

const GAP_WIDTH = 5
const WORDS_ROOM = 150

/** A dashed seam between the bars before and after, with words where there is room for them. */
function paintGaps({ at, context, height, ratio }: Frame, plot: Extract<Plot, { kind: 'gaps' }>): void {
  let free = -Infinity
  context.font = `${11 * ratio}px ${plot.font}`
  context.setLineDash([3 * ratio, 3 * ratio])
  for (const { index, words } of plot.gaps) {
    if (index < at.from || index > at.to + 1) continue
    const x = Math.round(at.x0 + (index - 0.5) * at.dx)
    context.globalAlpha = 0.14
    context.fillRect(x - (GAP_WIDTH * ratio) / 2, 0, GAP_WIDTH * ratio, height)
    context.globalAlpha = 1
    context.lineWidth = ratio
    context.beginPath()
    context.moveTo(x, 0)
    context.lineTo(x, height)
    context.stroke()
    if (x < free) continue
    context.fillText(words, x + 6 * ratio, height * 0.24)
    free = x + WORDS_ROOM * ratio
  }
}

function paintVolume(frame: Frame, plot: Extract<Plot, { kind: 'volume' }>): void {
  const { at, context, height } = frame
  let most = 0
  for (let index = at.from; index <= at.to; index += 1) most = Math.max(most, plot.values[index] ?? 0)
  if (most === 0) return
  const width = columnWidth(at.dx)
  context.globalAlpha = VOLUME_OPACITY
  for (const rose of [true, false]) {
    context.fillStyle = rose ? plot.colour : plot.down
    for (let index = at.from; index <= at.to; index += 1) {
      if (plot.rose(index) !== rose) continue
      const tall = Math.round(((plot.values[index] ?? 0) / most) * VOLUME_HEIGHT * height)
      const [left, wide] = columnEdges(at.x0 + index * at.dx, width)
      context.fillRect(left, height - tall, wide, tall)
    }
  }
}
