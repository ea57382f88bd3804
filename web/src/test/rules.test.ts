import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { ACTIONS, matchKeys } from '@/app/actions'
import { safeNext } from '@/features/account/entering'
import { csvPath } from '@/features/activity/queries'
import { toSeries } from '@/features/indices/LevelChart'
import { LICENCES } from '@/features/system/licences'

describe('after signing in', () => {
  it.each([
    ['/positions?state=closed', '/positions?state=closed'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    [undefined, '/'],
  ])('%s leads to %s', (next, target) => {
    expect(safeNext(next)).toBe(target)
  })
})

describe('keys', () => {
  it('are unique, and waited for where a second letter follows', () => {
    const keys = ACTIONS.flatMap((action) => action.keys ?? [])
    expect(new Set(keys).size).toBe(keys.length)
    expect(matchKeys(['g'])).toEqual({ action: undefined, waits: true })
    expect(matchKeys(['g', 'i']).action?.id).toBe('indices')
    expect(matchKeys(['x'])).toEqual({ action: undefined, waits: false })
  })
})

it('exports what the table shows', () => {
  expect(csvPath('orders', { symbol: 'btcusdt', state: 'filled', from: '2026-11-20', to: '2026-11-21' })).toBe(
    '/api/orders.csv?symbol=BTCUSDT&from=2026-11-20T00%3A00%3A00Z&to=2026-11-21T23%3A59%3A59.999Z&state=filled',
  )
  expect(csvPath('fills', { from: 'not-a-day' })).toBe('/api/fills.csv')
})

it('gives the chart strictly rising times', () => {
  const points = [
    { at: '2026-11-21T10:00:01.900Z', level: 3 },
    { at: '2026-11-21T10:00:00.100Z', level: 1 },
    { at: '2026-11-21T10:00:01.100Z', level: 2 },
  ]
  const series = toSeries(points)
  expect(series.map((each) => each.time)).toEqual([1795255200, 1795255201])
})

it('names every package that is shipped', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> }
  expect(LICENCES.map((each) => each.name)).toEqual(Object.keys(dependencies))
})
