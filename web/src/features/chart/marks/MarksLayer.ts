/** One overlay for all marks: places them among the bars, draws them and finds the one under a pointer. */
import type { IChartApi, Logical } from 'lightweight-charts'

import type { Store } from '@/lib/store'
import { createStore } from '@/lib/store'

import type { Feed } from '../data/feed'
import type { Point } from '../drawings/geometry'
import type { PriceLayer } from '../engine/PriceLayer'
import type { ChartColours } from '../engine/theme'
import type { Glyph, PlacedMark } from './group'
import { glyphsOf, placed } from './group'
import type { OrderLine } from './MarksPrimitive'
import { MarksPrimitive } from './MarksPrimitive'
import type { MarkItem, MarkKind } from './model'
import { DISC, HALF } from './shapes'

/** Of the card that tells of marks. `pinned`: it was asked for and stays. */
export interface ShownMarks {
  glyph: Glyph
  pinned: boolean
}

/** The chart whose marks these are. `shown`: how many of its bars may be seen. */
interface MarksHost {
  readonly chart: IChartApi
  readonly feed: Feed
  readonly price: PriceLayer
  readonly colours: ChartColours
  readonly shown: number
}

/** What is drawn of the user's work and of others'; open orders are lines, not marks. */
export type Drawn = MarkKind | 'order'

const ROOM = 2 * DISC + 2
const FROM_BAR = 12
const STEP = 16
const FOOT = { news: 13, journal: 33 }
const REACH = 10
const FINGER = 18

export class MarksLayer {
  readonly shown = createStore<ShownMarks | null>(null)
  /** The kinds of which not all are drawn. */
  readonly full = createStore<readonly MarkKind[]>([])
  /** Of which some could not be loaded. */
  readonly failed = createStore<readonly Drawn[]>([])
  private readonly sets = new Map<MarkKind, readonly MarkItem[]>()
  private orders: readonly OrderLine[] = []
  private marks: readonly PlacedMark[] = []
  private glyphs: readonly Glyph[] = []
  private room = 0
  private readonly primitive: MarksPrimitive

  constructor(private readonly host: MarksHost) {
    this.primitive = new MarksPrimitive({
      glyphs: () => this.visible(),
      pointOf: (glyph) => this.pointOf(glyph),
      orders: () => (host.feed.isOther ? [] : this.orders),
      colours: () => host.colours,
      font: getComputedStyle(document.body).fontFamily,
    })
    host.price.attach(this.primitive)
  }

  /** `more`: there are others in the same span of time, too many to be drawn. */
  set(kind: MarkKind, items: readonly MarkItem[], more: boolean): void {
    list(this.full, kind, more)
    if (items.length === 0 && !this.sets.get(kind)?.length) return
    this.sets.set(kind, items)
    this.refresh()
  }

  setFailed(kind: Drawn, failed: boolean): void {
    list(this.failed, kind, failed)
  }

  setOrders(orders: readonly OrderLine[]): void {
    this.orders = orders
    this.primitive.requestUpdate()
  }

  /** Bars came, went or moved, or a replay lets others be seen. What is ahead of them is not known yet. */
  refresh(): void {
    const { window, state, isOther } = this.host.feed
    const marks = isOther ? [] : placed([...this.sets.values()].flat(), window, state.get().timeframe)
    this.marks = marks.filter(({ index }) => index < this.host.shown)
    this.room = 0
    this.keepShown()
    this.primitive.requestUpdate()
  }

  /** The marks of a bar. */
  at(index: number): MarkItem[] {
    return this.marks.filter((mark) => mark.index === index).map((mark) => mark.item)
  }

  find(at: Point, touch: boolean): Glyph | null {
    const reach = touch ? FINGER : REACH
    let [nearest, least]: [Glyph | null, number] = [null, reach]
    for (const glyph of this.visible()) {
      const point = this.pointOf(glyph)
      const far = point ? Math.hypot(point[0] - at[0], point[1] - at[1]) : Infinity
      if (far <= least) [nearest, least] = [glyph, far]
    }
    return nearest
  }

  /** Tells of the marks of a bar. Whether there are any. */
  pinBar(index: number): boolean {
    const [first, ...rest] = this.at(index)
    if (!first) return false
    this.shown.set({ glyph: { index, items: [first, ...rest], price: first.price, level: 0 }, pinned: true })
    return true
  }

  /** The middle of a mark. */
  pointOf({ index, items: [look], price, level }: Glyph): Point | null {
    const x = this.host.chart.timeScale().logicalToCoordinate(index as Logical)
    if (x === null) return null
    if (look.place === 'foot') {
      const foot = look.kind === 'journal' ? FOOT.journal : FOOT.news
      return [x, (this.host.chart.panes()[0]?.getHeight() ?? 0) - foot]
    }
    const { window } = this.host.feed
    const away = look.place === 'above' || (look.place === 'price' && look.shape === 'arrow-down') ? -1 : 1
    if (look.place === 'price') {
      const y = this.host.price.series.priceToCoordinate(price)
      const isArrow = look.shape === 'arrow-up' || look.shape === 'arrow-down'
      return y === null ? null : [x, isArrow ? y + away * HALF : y]
    }
    const edge = (away < 0 ? window.high : window.low)[index] ?? NaN
    const y = this.host.price.series.priceToCoordinate(edge)
    return y === null ? null : [x, y + away * (FROM_BAR + level * STEP)]
  }

  /** What may be seen of the marks, grouped for the width bars have now. */
  private visible(): Glyph[] {
    const scale = this.host.chart.timeScale()
    const range = scale.getVisibleLogicalRange()
    if (!range || this.marks.length === 0) return []
    const room = Math.max(1, Math.ceil(ROOM / scale.options().barSpacing))
    if (room !== this.room) {
      this.room = room
      this.glyphs = glyphsOf(this.marks, room)
    }
    return this.glyphs.filter((glyph) => glyph.index >= range.from - 1 && glyph.index <= range.to + 1)
  }

  /** The card goes on telling of the same mark, wherever it stands now. */
  private keepShown(): void {
    const shown = this.shown.get()
    const id = shown?.glyph.items[0].id
    const mark = this.marks.find((each) => each.item.id === id)
    if (!shown) return
    this.shown.set(mark ? { ...shown, glyph: { ...shown.glyph, index: mark.index } } : null)
  }
}

function list<Kind>(store: Store<readonly Kind[]>, kind: Kind, listed: boolean): void {
  const kinds = store.get()
  if (kinds.includes(kind) === listed) return
  store.set(listed ? [...kinds, kind] : kinds.filter((each) => each !== kind))
}
