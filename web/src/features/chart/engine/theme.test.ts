import { expect, it } from 'vitest'

import { faded } from './theme'

it.each([
  ['#1a2b3c', 1, '#1a2b3cff'],
  ['#fff', 0.5, '#ffffff80'],
  ['#0ac', 0, '#00aacc00'],
])('%s at %s is %s', (hex, opacity, expected) => {
  expect(faded(hex, opacity)).toBe(expected)
})
