/** The alerts of a series on its chart: selected by a press, moved by pulling their line or label. */
import type { IChartApi } from 'lightweight-charts'

import { createStore } from '@/lib/store'

import type { Feed } from '../data/feed'
import type { Point } from '../drawings/geometry'
import type { PriceLayer } from '../engine/PriceLayer'
import type { ChartColours } from '../engine/theme'
import type { AlertLine } from './AlertsPrimitive'
import { AlertsPrimitive, LABEL } from './AlertsPrimitive'
import { pointedPrice } from './model'

const REACH = 5
const FINGER = 14
/** A press that moves less is no pull. */
const STILL = 4

interface Grip {
  id: string
  /** The pointer and the line, in pixels, when it was taken. */
  from: number
  lineY: number
  pulled: boolean
}

/** The chart whose alerts these are. `shown`: how many of its bars may be seen. */
interface AlertsHost {
  readonly colours: ChartColours
  readonly shown: number
}

export class AlertsLayer {
  readonly selected = createStore<string | null>(null)
  /** Told of the new price of an alert that was pulled; afterwards the line stands where the alert is. */
  private onMoved: (id: string, price: string) => Promise<void> = () => Promise.resolve()
  private lines: readonly AlertLine[] = []
  private moved: { id: string; price: number } | null = null
  private grip: Grip | null = null
  private readonly primitive: AlertsPrimitive

  constructor(
    private readonly chart: IChartApi,
    private readonly feed: Feed,
    private readonly price: PriceLayer,
    private readonly host: AlertsHost,
  ) {
    this.primitive = new AlertsPrimitive({
      lines: () => this.drawn,
      selected: () => this.selected.get(),
      colours: () => host.colours,
      decimals: () => feed.state.get().decimals,
      font: getComputedStyle(document.body).fontFamily,
    })
    this.selected.subscribe(() => this.primitive.requestUpdate())
    price.attach(this.primitive)
  }

  set(lines: readonly AlertLine[], onMoved: (id: string, price: string) => Promise<void>): void {
    this.lines = lines
    this.onMoved = onMoved
    if (!lines.some((line) => line.id === this.selected.get())) this.selected.set(null)
    this.primitive.requestUpdate()
  }

  press(at: Point, touch: boolean): boolean {
    const found = this.find(at, touch)
    this.selected.set(found?.id ?? null)
    const lineY = found && this.price.series.priceToCoordinate(found.price)
    if (!found || lineY === null) return false
    this.grip = { id: found.id, from: at[1], lineY: lineY ?? at[1], pulled: false }
    return true
  }

  move([, y]: Point): void {
    const { grip } = this
    if (!grip) return
    grip.pulled ||= Math.abs(y - grip.from) >= STILL
    const price = this.price.series.coordinateToPrice(grip.lineY + y - grip.from)
    if (!grip.pulled || price === null || price <= 0) return
    this.moved = { id: grip.id, price }
    this.primitive.requestUpdate()
  }

  release(): void {
    const { grip, moved } = this
    this.grip = null
    if (!grip?.pulled || !moved) return
    const settle = () => {
      if (this.moved === moved) this.moved = null
      this.primitive.requestUpdate()
    }
    void this.onMoved(moved.id, pointedPrice(moved.price, this.feed.state.get().decimals)).then(settle, settle)
  }

  /** The alert under a point; a finger takes it by its label only, so that it can still scroll over the line. */
  find([x, y]: Point, touch: boolean): AlertLine | undefined {
    const width = this.chart.timeScale().width()
    if (x > width || y > this.paneHeight) return undefined
    return [...this.drawn].reverse().find((line) => {
      const away = Math.abs((this.price.series.priceToCoordinate(line.price) ?? Infinity) - y)
      const onLabel = x >= width - LABEL.right - this.primitive.labelWidth(line.id)
      return away <= (onLabel ? LABEL.height / 2 + (touch ? FINGER / 2 : 0) : touch ? -1 : REACH)
    })
  }

  /** The price at a point of the price pane, as the API takes it. */
  priceAt([x, y]: Point): string | null {
    const price = y > this.paneHeight || x < 0 || this.feed.isOther ? null : this.price.series.coordinateToPrice(y)
    return price === null || price <= 0 ? null : pointedPrice(price, this.feed.state.get().decimals)
  }

  /** The newest price that may be seen, to begin from; '' while that is not here. */
  lastPrice(): string {
    const { window, state, isOther } = this.feed
    const { newer, decimals } = state.get()
    const bar = newer || isOther ? undefined : window.at(this.host.shown - 1)
    return bar ? pointedPrice(bar.close, decimals) : ''
  }

  private get paneHeight(): number {
    return this.chart.panes()[0]?.getHeight() ?? 0
  }

  private get drawn(): readonly AlertLine[] {
    const { moved } = this
    if (this.feed.isOther) return []
    return moved
      ? this.lines.map((line) => (line.id === moved.id ? { ...line, price: moved.price } : line))
      : this.lines
  }
}
