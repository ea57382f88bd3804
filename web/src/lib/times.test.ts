import { expect, it } from 'vitest'

import { ago, dayTime, duration, offset, secondsBetween, timeMark, wholeSeconds } from './times'

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

it('tells the time of today, and the day of another', () => {
  const at = new Date(2026, 10, 21, 17, 20)
  expect(dayTime(at.toISOString(), new Date(2026, 10, 21, 23, 59).getTime())).toBe('17:20')
  expect(dayTime(at.toISOString(), new Date(2026, 10, 22, 0, 1).getTime())).toMatch(
    /^21 Nov,? 17:20$|^21 Nov at 17:20$/,
  )
})

it('never counts backwards', () => {
  expect(secondsBetween('2026-11-21T12:00:05Z', now)).toBe(0)
})

it.each([
  [0, '0 ms', '+0.000'],
  [43, '43 ms', '+0.043'],
  [9_340, '9.3 s', '+9.340'],
  [59_999, '1 min', '+59.999'],
  [62_345, '1 min 2 s', '+1:02.345'],
  [3_900_000, '1 h 5 min', '+65:00.000'],
])('%d ms lasts %s and is %s after the start', (ms, words, after) => {
  expect(duration(ms)).toBe(words)
  expect(offset(ms)).toBe(after)
})

it('counts in whole seconds', () => {
  expect(wholeSeconds(28_400)).toBe('28 s')
  expect(wholeSeconds(59_600)).toBe('1 min')
  expect(wholeSeconds(250_000)).toBe('4 min 10 s')
})

it('marks a time line as exactly as its marks are apart', () => {
  const noon = Date.parse('2024-03-12T12:00:00Z') / 1000
  const midnight = Date.parse('2024-03-12T00:00:00Z') / 1000
  expect(timeMark(noon, 31 * 86_400)).toBe('Mar 2024')
  expect(timeMark(noon, 86_400)).toBe('12 Mar')
  expect(timeMark(noon, 3_600)).toBe('12:00')
  expect(timeMark(midnight, 3_600)).toBe('12 Mar')
})
