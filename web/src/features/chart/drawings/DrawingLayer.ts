/** Drawing on a chart with a pointer or by keys: placing, selecting, moving, with steps that can be undone. */
import type { IChartApi, Logical } from 'lightweight-charts'

import { createStore } from '@/lib/store'
import { randomKey } from '@/lib/ids'

import type { Feed } from '../data/feed'
import type { PriceLayer } from '../engine/PriceLayer'
import type { ChartColours } from '../engine/theme'
import { DrawingsPrimitive, TEXT_SIZE } from './DrawingsPrimitive'
import type { Box, Hit, Point } from './geometry'
import { hitTest } from './geometry'
import type { Anchor, Drawing, Tool } from './model'
import { anchorsNeeded } from './model'
import { DrawingStore } from './store'

interface Grip {
  before: readonly Drawing[]
  drawing: Drawing
  hit: Hit
  from: Anchor
  fromPoint: Point
}

const REACH = 6
const FINGER = 14

export class DrawingLayer {
  readonly tool = createStore<Tool | null>(null)
  readonly store: DrawingStore
  private readonly primitive: DrawingsPrimitive
  private draft: Drawing | null = null
  private grip: Grip | null = null

  constructor(
    private readonly chart: IChartApi,
    private readonly feed: Feed,
    private readonly price: PriceLayer,
    colours: () => ChartColours,
    onChanged: (drawings: readonly Drawing[]) => void,
  ) {
    this.store = new DrawingStore(onChanged)
    this.primitive = new DrawingsPrimitive({
      drawings: () => (this.draft ? [...this.store.drawings.get(), this.draft] : this.store.drawings.get()),
      selected: () => this.draft?.id ?? this.store.selected.get(),
      pointOf: (anchor) => this.pointOf(anchor),
      barsBetween: (from, to) => this.place(to.time) - this.place(from.time),
      colourOf: (drawing) => colours().plots[drawing.colour - 1] ?? colours().ink,
      canvas: () => colours().canvas,
      decimals: () => feed.state.get().decimals,
      font: getComputedStyle(document.body).fontFamily,
    })
    this.store.drawings.subscribe(() => this.primitive.requestUpdate())
    this.store.selected.subscribe(() => this.primitive.requestUpdate())
    price.attach(this.primitive)
  }

  choose(tool: Tool | null): void {
    this.draft = null
    this.tool.set(tool)
    this.store.selected.set(null)
    this.primitive.requestUpdate()
  }

  /** Puts down what is in hand: a tool or a selected drawing. Whether anything was. */
  putDown(): boolean {
    const held = this.tool.get() !== null || this.store.selected.get() !== null
    if (held) this.choose(null)
    return held
  }

  /** Whether the layer took the press, so that the chart must not scroll. */
  press(at: Point, touch: boolean): boolean {
    if (at[1] > (this.chart.panes()[0]?.getHeight() ?? 0) || at[0] > this.chart.timeScale().width()) return false
    const anchor = this.anchorAt(at)
    if (!anchor) return false
    const tool = this.tool.get()
    if (tool) {
      this.placeAnchor(tool, anchor)
      return true
    }
    const found = this.find(at, touch ? FINGER : REACH)
    this.store.selected.set(found?.drawing.id ?? null)
    if (!found) return false
    this.grip = { ...found, before: this.store.drawings.get(), from: anchor, fromPoint: at }
    return true
  }

  move(at: Point): void {
    const anchor = this.anchorAt(at)
    if (!anchor) return
    if (this.draft) {
      const [first] = this.draft.anchors
      if (first) this.draft = { ...this.draft, anchors: [first, anchor] }
      this.primitive.requestUpdate()
    } else if (this.grip) this.store.preview(this.grip.drawing.id, { anchors: this.moved(this.grip, anchor, at) })
  }

  /** A draft that was pulled open is finished by letting go; a click leaves it open for the second one. */
  release(at: Point): void {
    if (this.grip) {
      const { before } = this.grip
      this.grip = null
      const now = this.store.drawings.get()
      if (now !== before) this.store.commit(now, before)
    } else if (this.draft) {
      const first = this.draft.anchors[0] && this.pointOf(this.draft.anchors[0])
      if (first && Math.hypot(first[0] - at[0], first[1] - at[1]) > REACH * 2) this.finish()
    }
  }

  /** Places the chosen tool in the middle of the screen, for keys. */
  placeInMiddle(): void {
    const tool = this.tool.get()
    const height = this.chart.panes()[0]?.getHeight() ?? 0
    const width = this.chart.timeScale().width()
    const from = this.anchorAt([width * 0.35, height * 0.6])
    const to = this.anchorAt([width * 0.65, height * 0.4])
    if (!tool || !from || !to) return
    this.draft = this.make(tool, anchorsNeeded(tool) === 1 ? [from] : [from, to])
    this.finish()
  }

  /** Moves the selected drawing by bars and pixels, for keys. */
  nudge(bars: number, pixels: number): boolean {
    const drawing = this.store.find(this.store.selected.get())
    if (!drawing || !this.hasBars) return false
    const anchors = drawing.anchors.map((anchor) => {
      const point = this.pointOf(anchor)
      const price = point && this.price.series.coordinateToPrice(point[1] + pixels)
      return { time: this.timeAt(this.place(anchor.time) + bars), price: price ?? anchor.price }
    })
    this.store.change(drawing.id, { anchors })
    return true
  }

  private placeAnchor(tool: Tool, anchor: Anchor): void {
    if (this.draft) {
      this.draft = { ...this.draft, anchors: [this.draft.anchors[0] ?? anchor, anchor] }
      this.finish()
      return
    }
    const one = anchorsNeeded(tool) === 1
    this.draft = this.make(tool, one ? [anchor] : [anchor, anchor])
    if (one) this.finish()
  }

  private make(tool: Tool, anchors: Anchor[]): Drawing {
    return { id: randomKey(), tool, anchors, text: tool === 'text' ? 'Text' : '', colour: 1 }
  }

  private finish(): void {
    if (this.draft) this.store.add(this.draft)
    this.draft = null
    this.tool.set(null)
    this.primitive.requestUpdate()
  }

  private moved({ drawing, hit, from, fromPoint }: Grip, to: Anchor, at: Point): Anchor[] {
    if (hit.part === 'anchor') return drawing.anchors.map((each, index) => (index === hit.index ? to : each))
    const bars = this.place(to.time) - this.place(from.time)
    return drawing.anchors.map((each) => {
      const y = this.price.series.priceToCoordinate(each.price)
      const price = y === null ? null : this.price.series.coordinateToPrice(y + at[1] - fromPoint[1])
      return { time: this.timeAt(this.place(each.time) + bars), price: price ?? each.price }
    })
  }

  private find(at: Point, reach: number): { drawing: Drawing; hit: Hit } | null {
    const width = this.chart.timeScale().width()
    for (const drawing of [...this.store.drawings.get()].reverse()) {
      const points = drawing.anchors.map((anchor) => this.pointOf(anchor)).filter((point) => point !== null)
      if (points.length < drawing.anchors.length) continue
      const hit = hitTest(drawing.tool, points, at, width, reach, labelBox(drawing, points))
      if (hit) return { drawing, hit }
    }
    return null
  }

  /** Of the series that is drawn on: what is held of another one places nothing. */
  private get hasBars(): boolean {
    return this.feed.window.length > 0 && !this.feed.isOther
  }

  private place(time: number): number {
    return this.feed.window.logicalAt(time, this.feed.state.get().timeframe)
  }

  private timeAt(logical: number): number {
    return this.feed.window.timeAt(logical, this.feed.state.get().timeframe)
  }

  private pointOf({ time, price }: Anchor): Point | null {
    if (!this.hasBars) return null
    const x = this.xOf(this.place(time))
    const y = this.price.series.priceToCoordinate(price)
    return x === null || y === null ? null : [x, y]
  }

  /** The library places whole bars only (it puts every other place at 0). */
  private xOf(logical: number): number | null {
    const left = Math.floor(logical)
    const from = this.chart.timeScale().logicalToCoordinate(left as Logical)
    const to = this.chart.timeScale().logicalToCoordinate((left + 1) as Logical)
    return from === null || to === null ? null : from + (to - from) * (logical - left)
  }

  private anchorAt([x, y]: Point): Anchor | null {
    if (!this.hasBars) return null
    const logical = this.chart.timeScale().coordinateToLogical(x)
    const price = this.price.series.coordinateToPrice(y)
    return logical === null || price === null ? null : { time: this.timeAt(logical), price }
  }
}

function labelBox(drawing: Drawing, [first]: readonly Point[]): Box | undefined {
  if (drawing.tool !== 'text' || !first) return undefined
  const width = drawing.text.length * TEXT_SIZE * 0.55
  return { left: first[0], top: first[1] - TEXT_SIZE - 4, width, height: TEXT_SIZE + 4 }
}
