import { expect, it } from 'vitest'

import { makePlan, OPENING } from '@/mocks/world'

import { placeOf, scaleOf, shiftsOf } from './shift'

const plan = makePlan(OPENING)
const [first] = plan.legs
if (!first) throw new Error('no legs')
const leg = (own: Partial<typeof first>) => ({ ...first, ...own })

it('orders by the size of the move, leaves the rest where it is, and what is gone out', () => {
  const shifts = shiftsOf([
    leg({ symbol: 'A', action: 'trade', held_weight: -0.1, weight: -0.12 }),
    leg({ symbol: 'B', action: 'trade', held_weight: 0.2, weight: 0.3 }),
    leg({ symbol: 'C', action: 'skip', held_weight: -0.05, weight: -0.051 }),
    leg({ symbol: 'D', action: 'by_hand', held_weight: null }),
  ])
  expect(shifts.map((shift) => [shift.symbol, shift.before, shift.after])).toEqual([
    ['B', 0.2, 0.3],
    ['A', -0.1, -0.12],
    ['C', -0.05, -0.05],
  ])
})

it('keeps zero in sight and every weight on the scale', () => {
  const shifts = shiftsOf([
    leg({ symbol: 'A', action: 'trade', held_weight: 0.2, weight: 0.3 }),
    leg({ symbol: 'B', action: 'trade', held_weight: 0.1, weight: 0 }),
  ])
  const scale = scaleOf(shifts)
  expect(scale.from).toBe(0)
  for (const weight of [0, 0.1, 0.2, 0.3]) {
    expect(placeOf(weight, scale)).toBeGreaterThanOrEqual(0)
    expect(placeOf(weight, scale)).toBeLessThanOrEqual(1)
  }
})
