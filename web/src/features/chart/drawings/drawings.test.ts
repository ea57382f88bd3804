import { describe, expect, it } from 'vitest'

import type { Point } from './geometry'
import { distance, hitTest, rayEnd, shapeOf } from './geometry'
import { merged } from './merge'
import type { Drawing } from './model'
import { anchorsNeeded, readDrawings, TOOLS } from './model'
import { DrawingStore } from './store'

const drawing = (id: string, over: Partial<Drawing> = {}): Drawing => ({
  id,
  tool: 'trend',
  anchors: [
    { time: 1, price: 1 },
    { time: 2, price: 2 },
  ],
  text: '',
  colour: 1,
  ...over,
})

describe('what lies under a pointer', () => {
  it('is found on every line and anchor of every tool, and not far from them', () => {
    for (const tool of TOOLS) {
      const both: Point[] = [[100, 100], [200, 160]] // prettier-ignore
      const points = both.slice(0, anchorsNeeded(tool))
      points.forEach((point, index) => {
        expect(hitTest(tool, points, [point[0] + 3, point[1] - 3], 500, 6)).toEqual({ part: 'anchor', index })
      })
      for (const [from, to] of shapeOf(tool, points, 500).segments) {
        const middle: Point = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2 + 4]
        expect(hitTest(tool, points, middle, 500, 6), tool).not.toBeNull()
      }
      expect(hitTest(tool, points, [30, 420], 500, 6), tool).toBeNull()
    }
  })

  it('is inside a rectangle, but not between the lines of a Fibonacci', () => {
    const points: Point[] = [[100, 100], [200, 200]] // prettier-ignore
    expect(hitTest('rectangle', points, [150, 130], 500, 4)).toEqual({ part: 'body' })
    expect(hitTest('fibonacci', points, [150, 190], 500, 4)).toBeNull()
  })

  it('is the words of a text', () => {
    const label = { left: 100, top: 80, width: 60, height: 18 }
    expect(hitTest('text', [[100, 100]], [150, 90], 500, 4, label)).toEqual({ part: 'body' })
  })
})

it('lets a ray leave the pane beyond its second point, on either side', () => {
  expect(rayEnd([0, 0], [10, 5], 100)).toEqual([100, 50])
  expect(rayEnd([10, 5], [0, 0], 100)).toEqual([0, 0])
  expect(rayEnd([50, 0], [50, 9], 100)[1]).toBeGreaterThan(1_000)
})

it('measures to the nearest point of a segment, ends included', () => {
  expect(distance([5, 3], [[0, 0], [10, 0]])).toBe(3) // prettier-ignore
  expect(distance([13, 4], [[0, 0], [10, 0]])).toBe(5) // prettier-ignore
  expect(distance([3, 4], [[0, 0], [0, 0]])).toBe(5) // prettier-ignore
})

describe('drawings', () => {
  it('are undone and done again step by step, whatever was done', () => {
    const kept: string[] = []
    const store = new DrawingStore((drawings) => kept.push(JSON.stringify(drawings)))
    const states = [JSON.stringify(store.drawings.get())]
    let state = 3
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
    for (let step = 0; step < 60; step += 1) {
      const some = store.drawings.get()[Math.floor(random() * store.drawings.get().length)]
      if (!some || random() < 0.5) store.add(drawing(`d${step}`))
      else if (random() < 0.5) store.change(some.id, { colour: 1 + Math.floor(random() * 8), text: `${step}` })
      else store.remove(some.id)
      states.push(JSON.stringify(store.drawings.get()))
    }
    expect(kept).toEqual(states.slice(1))
    for (const expected of [...states].reverse().slice(1)) {
      store.undo()
      expect(JSON.stringify(store.drawings.get())).toBe(expected)
    }
    for (const expected of states.slice(1)) {
      store.redo()
      expect(JSON.stringify(store.drawings.get())).toBe(expected)
    }
  })

  it('make one step of a move, however often it was shown on its way', () => {
    const store = new DrawingStore(() => undefined)
    store.add(drawing('a'))
    const before = store.drawings.get()
    for (let colour = 2; colour < 6; colour += 1) store.preview('a', { colour })
    store.commit(store.drawings.get(), before)
    store.undo()
    expect(store.find('a')?.colour).toBe(1)
  })

  it('that cannot be drawn are left out of what was stored', () => {
    const bad = [null, 7, {}, drawing('x', { anchors: [] }), drawing('y', { tool: 'nothing' as 'ray' })]
    expect(readDrawings([...bad, drawing('good'), drawing('z', { anchors: [{ time: NaN, price: 1 }] })])).toEqual([
      drawing('good'),
    ])
    expect(readDrawings('nonsense')).toEqual([])
  })
})

describe('two changes of the same drawings', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => drawing(id)) as [Drawing, Drawing, Drawing, Drawing]
  const recoloured = (one: Drawing, colour: number) => ({ ...one, colour })

  it.each([
    ['what another device deleted stays deleted', [a, b], [a, b, c], [a], [a, c]],
    ['also where it was changed here', [a, b], [a, recoloured(b, 4)], [a], [a]],
    ['what was deleted here stays deleted', [a, b], [a], [a, b, d], [a, d]],
    ['what either has added is there', [a], [a, b], [a, c], [a, c, b]],
    ['what was changed there is as it is there', [a, b], [a, b], [recoloured(a, 5), b], [recoloured(a, 5), b]],
    ['what both have changed is as it is here', [a], [recoloured(a, 2)], [recoloured(a, 3)], [recoloured(a, 2)]],
    ['everything was deleted there', [a, b], [a, b], [], []],
    ['without anything common, both are kept', [], [a], [b], [b, a]],
  ])('%s', (_, base, ours, theirs, expected) => {
    expect(merged(base, ours, theirs)).toEqual(expected)
  })
})
