import { http, HttpResponse } from 'msw'
import { expect, it } from 'vitest'

import { mockedServer, server } from '@/test/server'

import { fetchFills, fetchNews, fetchSignals } from './fetch'

mockedServer()

const SPAN = { from: 1_700_000_000, to: 1_700_008_192 }

/** A ledger of so many fills in the span, in pages of what is asked for. */
function fillsOf(count: number) {
  const asked: URLSearchParams[] = []
  server.use(
    http.get('/api/fills', ({ request }) => {
      const query = new URL(request.url).searchParams
      asked.push(query)
      const limit = Number(query.get('limit'))
      const start = Number(query.get('cursor') ?? 0)
      const items = Array.from({ length: Math.min(limit, count - start) }, (_, index) => ({
        exec_id: String(start + index),
        exec_type: (start + index) % 50 === 49 ? 'Funding' : 'Trade',
        executed_at: '2023-11-14T22:20:00Z',
        side: 'buy',
        price: '10',
        quantity: '1',
      }))
      return HttpResponse.json({ items, next_cursor: start + limit < count ? String(start + limit) : null })
    }),
  )
  return asked
}

it('brings every fill of a span, page by page, and nothing but trades', async () => {
  const asked = fillsOf(450)
  const { items, more } = await fetchFills('bybit:BTCUSDT', SPAN)
  expect(asked.map((query) => query.get('cursor'))).toEqual([null, '200', '400'])
  expect(asked[0]?.get('symbol')).toBe('BTCUSDT')
  expect([asked[0]?.get('from'), asked[0]?.get('to')]).toEqual(['2023-11-14T22:13:20.000Z', '2023-11-15T00:29:52.000Z'])
  expect([new Set(items.map((each) => each.id)).size, more]).toEqual([441, false])
})

it('stops at a thousand fills and says that there are more', async () => {
  const asked = fillsOf(5_000)
  const { items, more } = await fetchFills('bybit:BTCUSDT', SPAN)
  expect([asked.length, items.length, more]).toEqual([5, 980, true])
})

it('asks for the span, and tells of what the server left out', async () => {
  const seen: string[] = []
  server.use(
    http.get('/api/news/marks', ({ request }) => {
      seen.push(new URL(request.url).search)
      const mark = { time: SPAN.from, published_at: '2023-11-14T22:00:00Z', mood: 'neutral' }
      return HttpResponse.json(Array.from({ length: 500 }, (_, index) => ({ ...mark, id: `n${index}` })))
    }),
    http.get('/api/signals', ({ request }) => {
      seen.push(new URL(request.url).search)
      return HttpResponse.json({ series: 'own:a', signals: [], more: true })
    }),
  )
  expect((await fetchNews('index:btc-d', SPAN)).more).toBe(true)
  expect(await fetchSignals('own:a', SPAN)).toEqual({ items: [], more: true })
  expect(seen).toEqual([
    '?series=index%3Abtc-d&from=1700000000&until=1700008192',
    '?series=own%3Aa&from=1700000000&until=1700008192',
  ])
})
