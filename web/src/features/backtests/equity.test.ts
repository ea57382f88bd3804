import { expect, it } from 'vitest'

import { extremes, spansMagnitudes, spread } from './equity'

const columns = (equity: number[], drawdown: number[]) => ({
  time: Float64Array.from(equity.keys()),
  equity: Float64Array.from(equity),
  drawdown: Float64Array.from(drawdown),
  hold: null,
})

it('finds the highest, the lowest and the deepest', () => {
  const data = columns([100, 120, 90, 95, 119], [0, 0, -0.25, -0.2, -0.01])
  expect(extremes(data)).toEqual({ high: 1, low: 2, deepest: 2 })
  expect(extremes(columns([], []))).toBeNull()
})

it('spreads places evenly, both ends among them', () => {
  expect(spread(3, 24)).toEqual([0, 1, 2])
  expect(spread(101, 3)).toEqual([0, 50, 100])
  expect(spread(0, 24)).toEqual([])
})

it('knows when a straight scale would hide what is small', () => {
  expect(spansMagnitudes(columns([100, 150], [0, 0]))).toBe(false)
  expect(spansMagnitudes(columns([100, 2_500], [0, 0]))).toBe(true)
  expect(spansMagnitudes(columns([0, 2_500], [0, 0]))).toBe(false)
})
