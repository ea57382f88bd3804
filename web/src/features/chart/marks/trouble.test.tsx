import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { expect, it, vi } from 'vitest'

import { adopt } from '@/api/session'
import { createStore } from '@/lib/store'
import { problem } from '@/mocks/answers'
import { USER } from '@/mocks/world'
import { mockedServer, server } from '@/test/server'

import { DEFAULT_SPEC } from '../engine/spec'
import Marks from '../panels/Marks'
import { MarksLayer } from './MarksLayer'

vi.mock('./useMarkPointer', () => ({ useMarkPointer: () => undefined }))
mockedServer()

/** A chart of one hour, as far as marks need one. */
function makeEngine() {
  const scale = {
    subscribeVisibleLogicalRangeChange: () => undefined,
    unsubscribeVisibleLogicalRangeChange: () => undefined,
  }
  const host = {
    shown: 0,
    chart: { timeScale: () => scale },
    feed: { window: { first: undefined }, state: { get: () => ({ timeframe: '1m' }) } },
    price: { attach: () => undefined },
    viewport: { span: () => ({ from: 1_700_000_000, to: 1_700_003_600 }) },
    revision: createStore(0),
  }
  return { ...host, marks: new MarksLayer(host as never) } as never
}

it('says which marks could not be loaded, and asks again for those', async () => {
  adopt({ access_token: 'token', expires_in: 600, user: USER })
  let down = true
  const ask = (items: object) => () => (down ? problem(500, 'broken', 'Broken.', '') : HttpResponse.json(items))
  server.use(
    http.get('/api/fills', ask({ items: [], next_cursor: null })),
    http.get('/api/orders', () => HttpResponse.json({ items: [], next_cursor: null })),
    http.get('/api/news/marks', () => HttpResponse.json([])),
    http.get('/api/journal/marks', ask([])),
    http.get('/api/datasets', () => HttpResponse.json({ datasets: [] })),
  )
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <Marks engine={makeEngine()} spec={{ ...DEFAULT_SPEC, series: 'bybit:BTCUSDT' }} />
    </QueryClientProvider>,
  )
  await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('trades and journal entries'))
  down = false
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  await waitFor(() => expect(screen.queryByRole('alert')).toBeNull())
})
