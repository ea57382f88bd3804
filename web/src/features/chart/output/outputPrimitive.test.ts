import { PriceScaleMode } from 'lightweight-charts'
import { describe, expect, it } from 'vitest'

import type { Plot } from './plots'
import { OutputPrimitive } from './OutputPrimitive'

const HEIGHT = 400
const SPACING = 10
const [LOW, HIGH] = [50, 800]

/** Where each scale puts a price between the lowest and the highest on it, and the price that is there. */
const SCALES = {
  linear: {
    mode: PriceScaleMode.Normal,
    yOf: (price: number) => (HEIGHT * (HIGH - price)) / (HIGH - LOW),
    priceAt: (y: number) => HIGH - (y / HEIGHT) * (HIGH - LOW),
  },
  log: {
    mode: PriceScaleMode.Logarithmic,
    yOf: (price: number) => (HEIGHT * Math.log(HIGH / price)) / Math.log(HIGH / LOW),
    priceAt: (y: number) => HIGH * (LOW / HIGH) ** (y / HEIGHT),
  },
  percent: {
    mode: PriceScaleMode.Percentage,
    yOf: (price: number) => (HEIGHT * (HIGH - price)) / (HIGH - LOW),
    priceAt: (y: number) => HIGH - (y / HEIGHT) * (HIGH - LOW),
  },
}

const CLOSES = [100, 200, 400, 300, 600]

/** What a chart over the five closes draws of one plot: the points of its line, in pixels. */
function drawn(plot: Plot, scale: (typeof SCALES)[keyof typeof SCALES], from = 0, ratio = 1): [number, number][] {
  const points: [number, number][] = []
  const point = (x: number, y: number) => void points.push([x, y])
  const nothing = () => undefined
  const context = { save: nothing, restore: nothing, beginPath: nothing, stroke: nothing, moveTo: point, lineTo: point }
  drawOn(context, make(plot, scale, from), ratio)
  return points
}

function drawOn(context: object, primitive: OutputPrimitive, ratio = 1): void {
  primitive
    .paneViews()[0]
    ?.renderer()
    ?.draw({
      useBitmapCoordinateSpace: (draw: (space: object) => void) =>
        draw({
          context,
          bitmapSize: { width: 500 * ratio, height: HEIGHT * ratio },
          mediaSize: { width: 500, height: HEIGHT },
          horizontalPixelRatio: ratio,
          verticalPixelRatio: ratio,
        }),
    } as never)
}

/** `forming`: the bar that still forms. */
function make(plot: Plot, scale = SCALES.linear, from = 0, forming = Infinity): OutputPrimitive {
  const base = (index: number) => CLOSES[index] ?? NaN
  const source = { plots: [plot], length: () => CLOSES.length, forming: () => forming, base }
  const primitive = new OutputPrimitive(source, 'top')
  const timeScale = {
    getVisibleLogicalRange: () => ({ from, to: 4 }),
    logicalToCoordinate: (index: number) => (index - from) * SPACING,
  }
  primitive.attached({
    chart: { timeScale: () => timeScale },
    series: {
      priceToCoordinate: scale.yOf,
      coordinateToPrice: scale.priceAt,
      priceScale: () => ({ options: () => ({ mode: scale.mode }) }),
    },
  } as never)
  return primitive
}

const column = (...values: number[]) => Float64Array.from(values)
const line = (values: Float64Array): Plot => ({ id: 'line', kind: 'line', values, colour: 'red' })
const compare = (values: Float64Array): Plot => ({ id: 'compare', kind: 'compare', values, colour: 'red' })

describe.each(Object.entries(SCALES))('on a scale that is %s', (_, scale) => {
  it('a value stands where the scale has its price', () => {
    const points = drawn(line(column(...CLOSES)), scale)
    CLOSES.forEach((close, index) => {
      expect(points[index]?.[0]).toBe(index * SPACING)
      expect(points[index]?.[1]).toBeCloseTo(scale.yOf(close), 9)
    })
  })

  it('a value stands there on a screen of finer pixels too', () => {
    const points = drawn(line(column(...CLOSES)), scale, 0, 2)
    expect(points[3]?.[0]).toBe(2 * 3 * SPACING)
    expect(points[3]?.[1]).toBeCloseTo(2 * scale.yOf(300), 9)
  })

  it('a compared series begins on the first one and goes as far as it has gone itself', () => {
    const points = drawn(compare(column(8, 4, 12, 16, 24)), scale)
    const heights = points.map(([, y]) => y)
    expect(heights[0]).toBeCloseTo(scale.yOf(100), 9)
    expect(heights[1]).toBeCloseTo(scale.yOf(50), 9)
    expect(heights[4]).toBeCloseTo(scale.yOf(300), 9)
  })

  it('it begins there where the screen begins', () => {
    const [, second, third] = drawn(compare(column(8, 4, 12, 16, 24)), scale, 2.4)
    expect(second?.[1]).toBeCloseTo(scale.yOf(400), 9)
    expect(third?.[1]).toBeCloseTo(scale.yOf((400 * 16) / 12), 9)
  })
})

describe('a compared series', () => {
  it('that is younger begins where it has its first bar', () => {
    const points = drawn(compare(column(NaN, NaN, 0, 5, 10)), SCALES.linear)
    expect(points.slice(-2).map(([, y]) => y)).toEqual([SCALES.linear.yOf(300), SCALES.linear.yOf(600)])
  })

  it('has room on the scale as it is drawn, not as it is priced', () => {
    const values = column(8, 4, 12, 16, 24)
    const range = (from: number, to: number) => make(compare(values)).autoscaleInfo(from as never, to as never)
    expect(range(0, 4)?.priceRange).toEqual({ minValue: 50, maxValue: 300 })
    expect(range(2, 3)?.priceRange).toEqual({ minValue: 400, maxValue: (400 * 16) / 12 })
  })

  it('without any bar draws nothing and needs no room', () => {
    const nothing = compare(column(NaN, NaN, NaN, NaN, NaN))
    expect(drawn(nothing, SCALES.log)).toEqual([])
    expect(make(nothing).autoscaleInfo(0 as never, 4 as never)).toBeNull()
  })
})

describe('the value of a bar that still forms', () => {
  /** What each stroke or shape was drawn with: its points on the x-axis, dashes and colour. */
  function shapes(plot: Plot, forming: number) {
    const made: { xs: number[]; dashed: boolean; colour: string }[] = []
    let [xs, dashed]: [number[], boolean] = [[], false]
    const point = (x: number) => void xs.push(x)
    const nothing = () => undefined
    const context = {
      fillStyle: '',
      save: nothing,
      restore: nothing,
      beginPath: () => (xs = []),
      closePath: nothing,
      moveTo: point,
      lineTo: point,
      arc: nothing,
      setLineDash: (dashes: number[]) => (dashed = dashes.length > 0),
      stroke: () => made.push({ xs, dashed, colour: context.fillStyle }),
      fill: () => made.push({ xs, dashed, colour: context.fillStyle }),
      fillRect: (x: number) => made.push({ xs: [x], dashed, colour: context.fillStyle }),
    }
    drawOn(context, make(plot, SCALES.linear, 0, forming))
    return made
  }

  it('is reached by a dashed line', () => {
    expect(shapes(line(column(...CLOSES)), 4)).toEqual([
      { xs: [0, 10, 20, 30], dashed: false, colour: 'red' },
      { xs: [30, 40], dashed: true, colour: 'red99' },
    ])
  })

  it('is drawn like any other once its bar is closed', () => {
    expect(shapes(line(column(...CLOSES)), Infinity)).toEqual([
      { xs: [0, 10, 20, 30, 40], dashed: false, colour: 'red' },
    ])
  })

  it('is lighter where it is no line', () => {
    for (const kind of ['histogram', 'dots'] as const) {
      const colours = shapes({ ...line(column(...CLOSES)), kind } as Plot, 4).map(({ colour }) => colour)
      expect([colours[0], colours.at(-1)], kind).toEqual(['red', 'red99'])
    }
  })
})
