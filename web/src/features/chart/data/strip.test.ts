import { expect, it } from 'vitest'

import { Strip } from './strip'
import { BarWindow } from './windowStore'

const MINUTE = 60

function windowOf(times: number[]): BarWindow {
  const window = new BarWindow(5_000)
  window.replace({ time: times, open: times, high: times, low: times, close: times, volume: times })
  return window
}

const minutes = (from: number, until: number) =>
  Array.from({ length: until - from }, (_, index) => (from + index) * MINUTE)

it('asks for all of a window page by page, holes and all, and lays every value beside its bar', () => {
  const listed = minutes(0, 4_800).filter((time) => time < 1_000 * MINUTE || time > 3_900 * MINUTE || time % 7 === 0)
  const window = windowOf(listed)
  const strip = new Strip(1)
  let questions = 0
  for (;;) {
    const asked = strip.missing(window, '1m', false)
    if (!asked) break
    questions += 1
    const until = asked.before ?? Infinity
    const from = Math.ceil(until / MINUTE) * MINUTE - asked.limit * MINUTE
    const time = listed.filter((each) => each >= from && each < until)
    const page = { from, time, columns: [time.map((each) => each / 2)] }
    strip.cover(asked, page, '1m')
    strip.merge(page)
    strip.trim(window)
    expect(questions).toBeLessThan(10)
  }
  const into = new Float64Array(5_000)
  strip.align(window, [into])
  expect([...into.subarray(0, window.length)]).toEqual(listed.map((time) => time / 2))
})

it('takes nothing for an answer: what was looked at is not asked for again', () => {
  const window = windowOf(minutes(1_000, 1_400))
  const strip = new Strip(1)
  const asked = strip.missing(window, '1m', false)
  if (!asked?.before) throw new Error('nothing is missing')
  strip.cover(asked, { from: asked.before - asked.limit * MINUTE, time: [], columns: [[]] }, '1m')
  strip.trim(window)
  expect(strip.missing(window, '1m', false)).toBeNull()
  const earlier = windowOf(minutes(700, 1_400))
  expect(strip.missing(earlier, '1m', false)?.before).toBe(1_000 * MINUTE)
  const past = windowOf(minutes(0, 400))
  strip.trim(past)
  expect(strip.missing(past, '1m', false)?.before).toBeLessThanOrEqual(400 * MINUTE)
})

it('asks for the end again when a bar came, with those before it, whose values may have changed', () => {
  const strip = new Strip(1)
  const page = { from: 0, time: minutes(0, 100), columns: [minutes(0, 100)] }
  strip.cover({ limit: 100 }, page, '1m')
  strip.merge(page)
  expect(strip.missing(windowOf(minutes(0, 100)), '1m', true)).toBeNull()
  expect(strip.missing(windowOf(minutes(0, 101)), '1m', true)?.limit).toBeGreaterThanOrEqual(3)
})

it('takes the newer of two truths and gives bars without a value none', () => {
  const strip = new Strip(2)
  strip.merge({ time: [60, 180], columns: [[1, 3], [10, 30]] }) // prettier-ignore
  strip.merge({ time: [0, 180, 240], columns: [[0, 33, 4], [0, NaN, 40]] }) // prettier-ignore
  const into = [new Float64Array(9), new Float64Array(9)] as const
  strip.align(windowOf([0, 60, 120, 180, 240]), [...into])
  expect([...into[0].subarray(0, 5)]).toEqual([0, 1, NaN, 33, 4])
  expect([...into[1].subarray(0, 5)]).toEqual([0, 10, NaN, NaN, 40])
})
