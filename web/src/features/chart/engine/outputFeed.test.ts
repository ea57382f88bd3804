import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { ProblemError, problemOf } from '@/api/problem'

import type { Missing } from '../data/strip'
import { BarWindow } from '../data/windowStore'
import { OutputFeed } from './OutputFeed'

const MINUTE = 60
const TIMES = Array.from({ length: 100 }, (_, index) => (index + 1) * MINUTE)

function refusal(status: number) {
  return new ProblemError(problemOf(null, new Response(null, { status })))
}

function makeFeed() {
  const window = new BarWindow(500)
  window.replace({ time: TIMES, open: TIMES, high: TIMES, low: TIMES, close: TIMES, volume: TIMES })
  const server = { asked: 0, trouble: null as unknown, time: TIMES, wanted: null as Missing | null }
  const feed = new OutputFeed(window, 1, {
    fetch: (wanted) => {
      server.asked += 1
      server.wanted = wanted
      if (server.trouble) return Promise.reject(server.trouble as Error)
      return Promise.resolve({
        from: wanted.before === undefined ? MINUTE : 0,
        time: server.time,
        columns: [server.time],
      })
    },
    atEnd: () => true,
    timeframe: () => '1m',
    onChanged: () => undefined,
    now: () => Date.now(),
  })
  return { server, feed, window }
}

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('asks again by itself after a failure, less and less often, and says so until it has values', async () => {
  const { server, feed } = makeFeed()
  server.trouble = new TypeError('no network')
  feed.refresh()
  await seconds(0)
  for (let tick = 0; tick < 10; tick += 1) {
    feed.refresh()
    await seconds(0.1)
  }
  expect(server.asked).toBe(1)
  await seconds(1.5)
  expect([server.asked, feed.error.get()]).toEqual([2, server.trouble])
  await seconds(600)
  expect(server.asked).toBeGreaterThan(8)
  expect(server.asked).toBeLessThan(20)
  server.trouble = null
  await seconds(60)
  expect([feed.error.get(), feed.columns[0]?.[7]]).toEqual([null, 8 * MINUTE])
  feed.stop()
})

it('asks again when a renewal failed, and at once when told to', async () => {
  const { server, feed } = makeFeed()
  feed.refresh()
  await seconds(1)
  server.trouble = refusal(429)
  await seconds(10)
  expect([server.asked, feed.error.get()]).toEqual([2, server.trouble])
  server.trouble = null
  feed.retry()
  await seconds(0)
  expect([server.asked, feed.error.get()]).toEqual([3, null])
  await seconds(11)
  expect(server.asked).toBe(4)
  feed.stop()
})

it('waits for somebody who looks, and goes on then', async () => {
  const { server, feed } = makeFeed()
  server.trouble = refusal(503)
  feed.refresh()
  await seconds(0)
  const seen = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
  await seconds(120)
  expect(server.asked).toBe(1)
  seen.mockRestore()
  server.trouble = null
  await seconds(10)
  expect([server.asked, feed.error.get()]).toEqual([2, null])
  feed.stop()
})

it('asks less and less often for an end that a series does not have, and for what is before it at once', async () => {
  const { server, feed, window } = makeFeed()
  server.time = TIMES.slice(20, 50)
  feed.refresh()
  await seconds(600)
  expect(server.asked).toBeGreaterThan(8)
  expect(server.asked).toBeLessThan(20)
  const { asked } = server
  window.prepend({ time: [0], open: [0], high: [0], low: [0], close: [0], volume: [0] })
  feed.refresh()
  await seconds(0)
  expect([server.asked, server.wanted?.before]).toEqual([asked + 1, MINUTE])
  server.time = TIMES
  await seconds(60)
  expect(feed.columns[0]?.[100]).toBe(100 * MINUTE)
  feed.stop()
})

it('waits for nothing of what it held before', async () => {
  const { server, feed } = makeFeed()
  feed.refresh()
  await seconds(8)
  server.trouble = refusal(404)
  feed.reset()
  await seconds(5)
  expect(server.asked).toBe(2)
  feed.stop()
})

it('asks for nothing any more once it is stopped', async () => {
  const { server, feed } = makeFeed()
  server.trouble = refusal(503)
  feed.refresh()
  await seconds(0)
  feed.stop()
  await seconds(600)
  expect(server.asked).toBe(1)
})

it.each([404, 422])('takes a no for a no: %i is not asked again by itself', async (status) => {
  const { server, feed } = makeFeed()
  server.trouble = refusal(status)
  feed.refresh()
  await seconds(600)
  expect([server.asked, feed.error.get()]).toEqual([1, server.trouble])
  feed.stop()
})

it('forgets the values of other columns when a script tells others', async () => {
  const window = new BarWindow(500)
  window.replace({ time: TIMES, open: TIMES, high: TIMES, low: TIMES, close: TIMES, volume: TIMES })
  const told: (string | undefined)[] = []
  let [shape, width] = ['one', 1]
  const feed = new OutputFeed(window, 0, {
    fetch: () => Promise.resolve({ from: 0, time: TIMES, columns: Array.from({ length: width }, () => TIMES), shape }),
    onShape: (page) => told.push(page.shape),
    atEnd: () => true,
    timeframe: () => '1m',
    onChanged: () => undefined,
    now: () => Date.now(),
  })
  feed.refresh()
  await seconds(0)
  expect([told, feed.columns.length, feed.columns[0]?.[99]]).toEqual([['one'], 1, 100 * MINUTE])
  ;[shape, width] = ['two', 3]
  await seconds(11)
  expect([told, feed.columns.length, feed.columns[2]?.[0]]).toEqual([['one', 'two'], 3, MINUTE])
  feed.stop()
})
