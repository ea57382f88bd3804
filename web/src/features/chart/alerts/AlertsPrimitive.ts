/** Alerts as dotted lines with a label, and their prices on the scale. */
import type { ISeriesPrimitiveAxisView } from 'lightweight-charts'

import { money } from '@/lib/numbers'

import type { Target } from '../engine/TopPrimitive'
import { TopPrimitive } from '../engine/TopPrimitive'

export interface AlertLine {
  id: string
  price: number
  words: string
}

export interface AlertsSource {
  lines: () => readonly AlertLine[]
  selected: () => string | null
  colours: () => { ink: string; onInk: string; canvas: string }
  decimals: () => number
  font: string
}

export const LABEL = { height: 22, right: 8, padding: 8 } as const
const TEXT_SIZE = 12

export class AlertsPrimitive extends TopPrimitive {
  private prices: readonly ISeriesPrimitiveAxisView[] = []
  private readonly widths = new Map<string, number>()

  constructor(private readonly source: AlertsSource) {
    super()
  }

  priceAxisViews(): readonly ISeriesPrimitiveAxisView[] {
    return this.prices
  }

  updateAllViews(): void {
    const { ink, onInk } = this.source.colours()
    this.prices = this.source.lines().flatMap((line) => {
      const y = this.host?.series.priceToCoordinate(line.price) ?? null
      if (y === null) return []
      return {
        coordinate: () => y,
        text: () => money(line.price, this.source.decimals()),
        textColor: () => onInk,
        backColor: () => ink,
      }
    })
  }

  /** How wide the label of a line is drawn. */
  labelWidth(id: string): number {
    return this.widths.get(id) ?? 0
  }

  protected draw(target: Target): void {
    const { host, source } = this
    if (!host) return
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.font = `500 ${TEXT_SIZE}px ${source.font}`
      for (const line of source.lines()) {
        const y = host.series.priceToCoordinate(line.price)
        if (y !== null) this.drawLine(context, Math.round(y) + 0.5, mediaSize.width, line)
      }
    })
  }

  private drawLine(context: CanvasRenderingContext2D, y: number, width: number, line: AlertLine): void {
    const { ink, onInk, canvas } = this.source.colours()
    const chosen = line.id === this.source.selected()
    const labelWidth = context.measureText(line.words).width + LABEL.padding * 2
    const left = width - LABEL.right - labelWidth
    this.widths.set(line.id, labelWidth)
    context.save()
    context.strokeStyle = ink
    context.lineWidth = chosen ? 2 : 1
    context.setLineDash([2, 4])
    context.beginPath()
    context.moveTo(0, y)
    context.lineTo(width, y)
    context.stroke()
    context.setLineDash([])
    context.lineWidth = 1
    context.fillStyle = chosen ? ink : canvas
    context.beginPath()
    context.roundRect(left, y - LABEL.height / 2, labelWidth, LABEL.height, 6)
    context.fill()
    context.stroke()
    context.fillStyle = chosen ? onInk : ink
    context.textBaseline = 'middle'
    context.fillText(line.words, left + LABEL.padding, y + 0.5)
    context.restore()
  }
}
