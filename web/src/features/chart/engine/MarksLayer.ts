/** Places the user's fills among the bars whenever either changes. */
import type { BarWindow } from '../data/windowStore'
import type { Mark, TradeFill } from '../output/marks'
import { marksOf } from '../output/marks'
import type { MarksSource } from '../output/MarksPrimitive'
import { MarksPrimitive } from '../output/MarksPrimitive'
import type { PriceLayer } from './PriceLayer'
import type { ChartColours } from './theme'

export class MarksLayer {
  private fills: readonly TradeFill[] = []
  private readonly source: { -readonly [Key in keyof MarksSource]: MarksSource[Key] }
  private readonly primitive: MarksPrimitive

  constructor(
    private readonly window: BarWindow,
    price: PriceLayer,
    colours: ChartColours,
    shown: () => number,
  ) {
    this.source = { marks: [], orders: [], colours, shown, font: getComputedStyle(document.body).fontFamily }
    this.primitive = new MarksPrimitive(this.source)
    price.attach(this.primitive)
  }

  set(fills: readonly TradeFill[], orders: MarksSource['orders']): void {
    this.fills = fills
    this.source.orders = orders
    this.refresh()
  }

  paint(colours: ChartColours): void {
    this.source.colours = colours
    this.primitive.requestUpdate()
  }

  refresh(): void {
    this.source.marks = marksOf(this.fills, this.window)
    this.primitive.requestUpdate()
  }

  at(index: number): Mark[] {
    return this.source.marks.filter((mark) => mark.index === index)
  }
}
