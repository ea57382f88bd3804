/** Draws marks at their bars, and the user's open orders as lines. */
import type { Point } from '../drawings/geometry'
import type { ChartColours } from '../engine/theme'
import type { Target } from '../engine/TopPrimitive'
import { TopPrimitive } from '../engine/TopPrimitive'
import type { Glyph } from './group'
import type { MarkItem } from './model'
import { DISC, HALF, trace } from './shapes'

export interface OrderLine {
  price: number
  side: 'buy' | 'sell'
  label: string
}

export interface MarksSource {
  glyphs: () => readonly Glyph[]
  pointOf: (glyph: Glyph) => Point | null
  orders: () => readonly OrderLine[]
  colours: () => ChartColours
  font: string
}

const LABEL_GAP = 4
const LONGEST_LABEL = 24

export class MarksPrimitive extends TopPrimitive {
  constructor(private readonly source: MarksSource) {
    super()
  }

  protected draw(target: Target): void {
    const { host, source } = this
    if (!host) return
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.font = `600 11px ${source.font}`
      for (const order of source.orders()) {
        const y = host.series.priceToCoordinate(order.price)
        if (y !== null) this.drawOrder(context, y, mediaSize.width, order)
      }
      /** Where the last label over and under the bars ends, so that none covers another. */
      const ends = { above: -Infinity, below: -Infinity }
      for (const glyph of source.glyphs()) {
        const point = source.pointOf(glyph)
        if (!point) continue
        this.drawGlyph(context, point, glyph)
        const [look] = glyph.items
        if (look.place === 'foot') continue
        const side = look.place === 'above' || look.shape === 'arrow-down' ? 'above' : 'below'
        const text = labelOf(glyph)
        const width = context.measureText(text).width
        if (text === '' || point[0] - width / 2 < ends[side]) continue
        ends[side] = point[0] + width / 2 + LABEL_GAP
        this.drawLabel(context, point, text, side)
      }
    })
  }

  private drawGlyph(context: CanvasRenderingContext2D, [x, y]: Point, { items }: Glyph): void {
    const [look] = items
    const colours = this.source.colours()
    const colour = colourOf(colours, commonColour(items))
    const outlined = look.shape === 'note'
    trace(context, look.shape, x, y)
    context.lineWidth = 3
    context.strokeStyle = colours.canvas
    context.stroke()
    context.fillStyle = outlined ? colours.canvas : colour
    context.fill()
    if (outlined) {
      context.lineWidth = 1.5
      context.strokeStyle = colour
      context.stroke()
    }
    if (look.place !== 'foot') return
    const text = items.length > 1 ? (items.length > 99 ? '99+' : String(items.length)) : look.sign
    context.fillStyle = outlined ? colour : colours.canvas
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    if (text) context.fillText(text, x, y + 0.5, 2 * DISC - 2)
    else for (const line of [-3, 0, 3]) context.fillRect(x - 4, y + line - 0.5, line === 3 ? 5 : 8, 1)
  }

  private drawLabel(context: CanvasRenderingContext2D, [x, y]: Point, text: string, side: 'above' | 'below'): void {
    const { canvas, ink } = this.source.colours()
    const away = side === 'above' ? -1 : 1
    context.textAlign = 'center'
    context.textBaseline = side === 'above' ? 'bottom' : 'top'
    context.lineWidth = 3
    context.strokeStyle = canvas
    context.fillStyle = ink
    context.strokeText(text, x, y + away * (HALF + 3))
    context.fillText(text, x, y + away * (HALF + 3))
  }

  private drawOrder(context: CanvasRenderingContext2D, y: number, width: number, order: OrderLine): void {
    const { up, down } = this.source.colours()
    context.save()
    context.strokeStyle = context.fillStyle = order.side === 'buy' ? up : down
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

function labelOf({ items }: Glyph): string {
  const label = items[0].label.slice(0, LONGEST_LABEL)
  return items.length > 1 ? `${label} ×${items.length}`.trim() : label
}

/** Of marks that are of several colours, none is told. */
function commonColour(items: readonly MarkItem[]): string {
  const first = items[0]?.colour ?? 'ink'
  return items.every((each) => each.colour === first) ? first : 'ink'
}

function colourOf(colours: ChartColours, name: string): string {
  if (name.startsWith('#')) return name
  if (name === 'up' || name === 'down' || name === 'muted' || name === 'error') return colours[name]
  const plot = /^plot-([1-8])$/.exec(name)?.[1]
  return (plot && colours.plots[Number(plot) - 1]) || colours.ink
}
