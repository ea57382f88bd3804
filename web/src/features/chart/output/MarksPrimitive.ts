/** The user's own fills as arrows whose tips stand at the price, and open orders as lines. */
import type { Logical } from 'lightweight-charts'

import type { Target } from '../engine/TopPrimitive'
import { TopPrimitive } from '../engine/TopPrimitive'
import type { Mark } from './marks'

export interface MarksSource {
  marks: readonly Mark[]
  orders: readonly { price: number; side: 'buy' | 'sell'; label: string }[]
  /** Bars from here on are not shown yet. */
  shown: () => number
  colours: { up: string; down: string; canvas: string; muted: string }
  font: string
}

const ARROW = 7

export class MarksPrimitive extends TopPrimitive {
  constructor(private readonly source: MarksSource) {
    super()
  }

  protected draw(target: Target): void {
    const { host, source } = this
    const range = host?.chart.timeScale().getVisibleLogicalRange()
    if (!host || !range) return
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.font = `600 11px ${source.font}`
      context.textAlign = 'center'
      for (const order of source.orders) {
        const y = host.series.priceToCoordinate(order.price)
        if (y !== null) this.drawOrder(context, y, mediaSize.width, order)
      }
      for (const mark of source.marks) {
        if (mark.index < range.from - 1 || mark.index > range.to + 1 || mark.index >= source.shown()) continue
        const x = host.chart.timeScale().logicalToCoordinate(mark.index as Logical)
        const y = host.series.priceToCoordinate(mark.price)
        if (x !== null && y !== null) this.drawArrow(context, x, y, mark)
      }
    })
  }

  private drawArrow(context: CanvasRenderingContext2D, x: number, y: number, mark: Mark): void {
    const { colours } = this.source
    const away = mark.side === 'buy' ? 1 : -1
    context.beginPath()
    context.moveTo(x, y)
    context.lineTo(x - ARROW * 0.75, y + away * ARROW * 1.5)
    context.lineTo(x + ARROW * 0.75, y + away * ARROW * 1.5)
    context.closePath()
    context.fillStyle = mark.side === 'buy' ? colours.up : colours.down
    context.strokeStyle = colours.canvas
    context.lineWidth = 3
    context.stroke()
    context.fill()
    context.textBaseline = away > 0 ? 'top' : 'bottom'
    const text = (mark.side === 'buy' ? 'B' : 'S') + (mark.count > 1 ? ` ×${mark.count}` : '')
    context.strokeText(text, x, y + away * (ARROW * 1.5 + 3))
    context.fillText(text, x, y + away * (ARROW * 1.5 + 3))
  }

  private drawOrder(
    context: CanvasRenderingContext2D,
    y: number,
    width: number,
    order: { side: 'buy' | 'sell'; label: string },
  ): void {
    const colour = order.side === 'buy' ? this.source.colours.up : this.source.colours.down
    context.save()
    context.strokeStyle = context.fillStyle = colour
    context.lineWidth = 1
    context.setLineDash([6, 4])
    context.beginPath()
    context.moveTo(0, Math.round(y) + 0.5)
    context.lineTo(width, Math.round(y) + 0.5)
    context.stroke()
    context.textAlign = 'right'
    context.textBaseline = 'bottom'
    context.fillText(order.label, width - 6, y - 2)
    context.restore()
  }
}
