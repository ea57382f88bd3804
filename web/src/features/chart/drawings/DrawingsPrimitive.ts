/** Draws the drawings of a series over its price. */
import { money, signedPercent } from '@/lib/numbers'

import { decimalsComputed } from '../data/pages'
import type { Target } from '../engine/TopPrimitive'
import { TopPrimitive } from '../engine/TopPrimitive'
import type { Point } from './geometry'
import { shapeOf } from './geometry'
import type { Anchor, Drawing } from './model'
import { FIBONACCI } from './model'

export interface DrawingsSource {
  drawings: () => readonly Drawing[]
  selected: () => string | null
  pointOf: (anchor: Anchor) => Point | null
  barsBetween: (from: Anchor, to: Anchor) => number
  colourOf: (drawing: Drawing) => string
  canvas: () => string
  decimals: () => number
  font: string
}

const HANDLE = 4
export const TEXT_SIZE = 14

export class DrawingsPrimitive extends TopPrimitive {
  constructor(private readonly source: DrawingsSource) {
    super()
  }

  protected draw(target: Target): void {
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      for (const drawing of this.source.drawings()) {
        const points = drawing.anchors.map((anchor) => this.source.pointOf(anchor)).filter((point) => point !== null)
        if (points.length < drawing.anchors.length) continue
        context.save()
        this.drawOne(context, drawing, points, mediaSize.width)
        if (drawing.id === this.source.selected()) this.drawHandles(context, points)
        context.restore()
      }
    })
  }

  private drawOne(context: CanvasRenderingContext2D, drawing: Drawing, points: Point[], width: number): void {
    const colour = this.source.colourOf(drawing)
    const { segments, area } = shapeOf(drawing.tool, points, width)
    context.strokeStyle = context.fillStyle = colour
    context.lineWidth = 1.5
    if (area) {
      const [[ax, ay], [bx, by]] = area
      context.globalAlpha = 0.1
      context.fillRect(Math.min(ax, bx), Math.min(ay, by), Math.abs(bx - ax), Math.abs(by - ay))
      context.globalAlpha = 1
    }
    context.beginPath()
    for (const [from, to] of segments) {
      context.moveTo(...from)
      context.lineTo(...to)
    }
    context.stroke()
    this.drawWords(context, drawing, points)
  }

  private drawWords(context: CanvasRenderingContext2D, drawing: Drawing, points: Point[]): void {
    const [first, second = first] = points
    if (!first || !second) return
    const price = (value: number) => money(value, this.source.decimals())
    const [from, to = from] = drawing.anchors
    context.font = `12px ${this.source.font}`
    context.textBaseline = 'bottom'
    if (drawing.tool === 'text') {
      context.font = `500 ${TEXT_SIZE}px ${this.source.font}`
      context.fillText(drawing.text, first[0], first[1])
    } else if (drawing.tool === 'horizontal' && from) {
      context.fillText(price(from.price), 6, first[1] - 3)
    } else if (drawing.tool === 'fibonacci' && from && to) {
      for (const share of FIBONACCI) {
        const y = second[1] + (first[1] - second[1]) * share
        const value = to.price + (from.price - to.price) * share
        const words = money(value, decimalsComputed(this.source.decimals()))
        context.fillText(`${share} · ${words}`, Math.min(first[0], second[0]) + 4, y - 2)
      }
    } else if (drawing.tool === 'measure' && from && to) {
      this.drawMeasure(context, from, to, first, second)
    }
  }

  private drawMeasure(context: CanvasRenderingContext2D, from: Anchor, to: Anchor, first: Point, second: Point): void {
    const { source } = this
    const bars = Math.round(source.barsBetween(from, to))
    const change = `${money(to.price - from.price, source.decimals())} (${signedPercent(to.price / from.price - 1)})`
    const text = `${change} · ${money(bars, 0)} ${Math.abs(bars) === 1 ? 'bar' : 'bars'}`
    const width = context.measureText(text).width + 16
    const x = (first[0] + second[0]) / 2
    const y = second[1] < first[1] ? second[1] - 30 : second[1] + 8
    context.beginPath()
    context.roundRect(x - width / 2, y, width, 22, 6)
    context.fill()
    context.fillStyle = source.canvas()
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    context.fillText(text, x, y + 11)
  }

  private drawHandles(context: CanvasRenderingContext2D, points: Point[]): void {
    context.fillStyle = this.source.canvas()
    context.lineWidth = 2
    for (const [x, y] of points) {
      context.beginPath()
      context.arc(x, y, HANDLE, 0, Math.PI * 2)
      context.fill()
      context.stroke()
    }
  }
}
