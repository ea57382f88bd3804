import { expect, it } from 'vitest'

import { ago, secondsBetween } from './times'

const now = Date.parse('2026-11-21T12:00:00Z')

it.each([
  ['2026-11-21T11:59:59Z', 'just now'],
  ['2026-11-21T11:59:30Z', '30 sec. ago'],
  ['2026-11-21T11:45:00Z', '15 min. ago'],
  ['2026-11-21T09:00:00Z', '3 hr. ago'],
  ['2026-11-20T12:00:00Z', 'yesterday'],
  ['2027-02-21T12:00:00Z', 'in 3 mo.'],
])('%s is %s', (iso, words) => {
  expect(ago(iso, now)).toBe(words)
})

it('never counts backwards', () => {
  expect(secondsBetween('2026-11-21T12:00:05Z', now)).toBe(0)
})
