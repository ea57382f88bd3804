import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, expect, it, vi } from 'vitest'

import { adopt } from '@/api/session'
import { createStore } from '@/lib/store'
import { problem } from '@/mocks/answers'
import { USER } from '@/mocks/world'
import { mockedServer, server } from '@/test/server'

import { DEFAULT_SPEC } from '../engine/spec'
import Marks from '../panels/Marks'
import MarksDialog from '../panels/MarksDialog'
import { Foot } from '../panels/Trouble'
import { MarksLayer } from './MarksLayer'

vi.mock('./useMarkPointer', () => ({ useMarkPointer: () => undefined }))
mockedServer()

vi.mock('@tanstack/react-router', () => ({ Link: 'a' }))

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

const SPEC = { ...DEFAULT_SPEC, series: 'bybit:BTCUSDT' }

function show(part = <Marks engine={makeEngine()} spec={SPEC} />) {
  adopt({ access_token: 'token', expires_in: 600, user: USER })
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  render(
    <QueryClientProvider client={client}>
      <Foot>{part}</Foot>
    </QueryClientProvider>,
  )
}

let down: boolean
const ask = (items: object) => () => (down ? problem(500, 'broken', 'Broken.', '') : HttpResponse.json(items))

beforeEach(() => {
  down = true
  server.use(
    http.get('/api/fills', () => HttpResponse.json({ items: [], next_cursor: null })),
    http.get('/api/orders', () => HttpResponse.json({ items: [], next_cursor: null })),
    http.get('/api/news/marks', () => HttpResponse.json([])),
    http.get('/api/journal/marks', () => HttpResponse.json([])),
    http.get('/api/datasets', () => HttpResponse.json({ datasets: [] })),
  )
})

async function tryAgain() {
  down = false
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  await waitFor(() => expect(screen.queryByRole('alert')).toBeNull())
}

it('says which marks could not be loaded, and asks again for those', async () => {
  server.use(http.get('/api/fills', ask({ items: [], next_cursor: null })), http.get('/api/journal/marks', ask([])))
  show()
  await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('trades and journal entries'))
  await tryAgain()
})

it('says so of signals too while nobody can tell which sets of them there are', async () => {
  server.use(http.get('/api/datasets', ask({ datasets: [] })))
  show()
  expect((await screen.findByRole('alert')).textContent).toContain('for this chart: signals.')
  await tryAgain()
})

it('offers no choice of marks without telling that sets of signals are missing from it', async () => {
  server.use(http.get('/api/datasets', ask({ datasets: [] })))
  show(<MarksDialog engine={makeEngine()} spec={SPEC} onChange={vi.fn()} onClose={vi.fn()} />)
  expect((await screen.findByRole('alert')).textContent).toContain('Broken.')
  await tryAgain()
})
