import { describe, expect, it } from 'vitest'

import { bandPolygons, columnEdges, columnWidth, extent, linePath } from './geometry'

const identity = (value: number) => value
const numbers = (length: number, of: (index: number) => number) => Float64Array.from({ length }, (_, i) => of(i))

function points(path: number[]): [number, number][] {
  return path.flatMap((x, index) => (index % 2 === 0 ? [[x, path[index + 1] ?? NaN] as [number, number]] : []))
}

describe('a line', () => {
  it('goes through every bar where there is room', () => {
    const values = Float64Array.from([5, 6, 7])
    expect(linePath(values, { from: 0, to: 2, x0: 10, dx: 4 }, identity)).toEqual([10, 5, 14, 6, 18, 7])
  })

  it('breaks where values are missing and begins again', () => {
    const values = Float64Array.from([NaN, 5, NaN, NaN, 7, 8, NaN])
    const path = linePath(values, { from: 0, to: 6, x0: 0, dx: 2 }, identity)
    expect(path).toEqual([2, 5, NaN, NaN, 8, 7, 10, 8, NaN, NaN])
  })

  it('loses no extreme and draws at most four points a pixel column when bars are narrower than a pixel', () => {
    for (const dx of [0.04, 0.11, 0.37, 0.9]) {
      const values = numbers(3_000, (index) => Math.sin(index * 1.7) * 50 + ((index * 7_919) % 13))
      const seen = new Map<number, { low: number; high: number; first: number; last: number }>()
      values.forEach((value, index) => {
        const x = Math.floor(3 + index * dx)
        const column = seen.get(x) ?? { low: value, high: value, first: value, last: value }
        seen.set(x, {
          ...column,
          low: Math.min(column.low, value),
          high: Math.max(column.high, value),
          last: value,
        })
      })
      const drawn = points(linePath(values, { from: 0, to: 2_999, x0: 3, dx }, identity))
      expect(drawn.length).toBeLessThanOrEqual(seen.size * 4)
      for (const [x, { low, high, first, last }] of seen) {
        const column = drawn.filter((point) => point[0] === x).map((point) => point[1])
        expect([Math.min(...column), Math.max(...column), column[0], column.at(-1)]).toEqual([low, high, first, last])
      }
    }
  })
})

describe('a band', () => {
  it('is filled only where both edges are', () => {
    const upper = Float64Array.from([2, 2, NaN, 3, 3, 3])
    const lower = Float64Array.from([1, 1, 1, NaN, 1, 1])
    const polygons = bandPolygons(upper, lower, { from: 0, to: 5, x0: 0, dx: 10 }, identity)
    expect(polygons).toEqual([
      [0, 2, 10, 2, 10, 1, 0, 1],
      [40, 3, 50, 3, 50, 1, 40, 1],
    ])
  })
})

it('finds lowest and highest among the bars of the screen only', () => {
  const values = Float64Array.from([100, 3, NaN, 1, -50])
  expect(extent(values, 1, 3)).toEqual({ low: 1, high: 3 })
  expect(extent(values, -4, 900)).toEqual({ low: -50, high: 100 })
  expect(extent(values, 2, 2)).toBeNull()
})

it('places columns on whole pixels, apart where there is room', () => {
  for (const dx of [0.2, 1, 3, 7.4, 30]) {
    const width = columnWidth(dx)
    expect(width).toBeGreaterThanOrEqual(1)
    if (dx > 4) expect(width).toBeLessThan(dx)
    const [left] = columnEdges(10.3, width)
    expect(Number.isInteger(left)).toBe(true)
    expect(Math.abs(left + width / 2 - 10.3)).toBeLessThanOrEqual(0.5)
  }
})
