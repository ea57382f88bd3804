import { beforeEach, expect, it } from 'vitest'

import type { DrawingsSource } from './DrawingsPrimitive'
import { DrawingsPrimitive } from './DrawingsPrimitive'
import type { Anchor, Drawing, Tool } from './model'

let written: { text: string; y: number }[]

/** A pane on which a bar is ten pixels wide and a price of 200 stands at the top, a pixel for each unit. */
function draw(tool: Tool, anchors: Anchor[], { text = '', decimals = 2 } = {}): void {
  const drawing: Drawing = { id: 'd', tool, anchors, text, colour: 1 }
  const nothing = () => undefined
  const context = {
    save: nothing,
    restore: nothing,
    beginPath: nothing,
    moveTo: nothing,
    lineTo: nothing,
    stroke: nothing,
    fill: nothing,
    fillRect: nothing,
    roundRect: nothing,
    measureText: () => ({ width: 80 }),
    fillText: (said: string, _x: number, y: number) => written.push({ text: said, y }),
  }
  const source: DrawingsSource = {
    drawings: () => [drawing],
    selected: () => null,
    pointOf: ({ time, price }) => [time / 6, 200 - price],
    barsBetween: (from, to) => (to.time - from.time) / 60,
    colourOf: () => 'red',
    canvas: () => 'white',
    decimals: () => decimals,
    font: 'serif',
  }
  const primitive = new DrawingsPrimitive(source)
  const target = {
    useMediaCoordinateSpace: (paint: (scope: object) => void) => paint({ context, mediaSize: { width: 500 } }),
  }
  primitive
    .paneViews()[0]
    ?.renderer()
    ?.draw(target as never)
}

const said = () => written.map(({ text }) => text)
const at = (bar: number, price: number): Anchor => ({ time: bar * 60, price })

beforeEach(() => {
  written = []
})

it('a Fibonacci names the price of every retracement, from its second anchor back to its first', () => {
  draw('fibonacci', [at(0, 100), at(10, 150)])
  expect(said()).toEqual([
    '0 · 150.00',
    '0.236 · 138.20',
    '0.382 · 130.90',
    '0.5 · 125.00',
    '0.618 · 119.10',
    '0.786 · 110.70',
    '1 · 100.00',
  ])
  expect(written.map(({ y }) => Math.round(y))).toEqual([48, 60, 67, 73, 79, 87, 98])
})

it('a retracement between whole prices is not whole', () => {
  draw('fibonacci', [at(0, 100), at(10, 103)], { decimals: 0 })
  expect(said().slice(1, 3)).toEqual(['0.236 · 102.29', '0.382 · 101.85'])
})

it.each([
  [at(0, 100), at(12, 150), '50.00 (+50.00%) · 12 bars'],
  [at(4, 100), at(3, 80), '−20.00 (−20.00%) · −1 bar'],
])('a measure says how far and how long it goes: from %o to %o', (from, to, words) => {
  draw('measure', [from, to])
  expect(said()).toEqual([words])
})

it('a horizontal line says its price, a text what was written', () => {
  draw('horizontal', [at(3, 123.456)])
  draw('text', [at(3, 100)], { text: 'Breakout' })
  expect(said()).toEqual(['123.46', 'Breakout'])
})
