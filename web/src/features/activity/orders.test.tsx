import { screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { expect, it, vi } from 'vitest'

import { ordersOf } from '@/mocks/positions'
import { makePlan, OPENING, startExecution } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import type { Order } from './queries'

mockedServer()
vi.mock('@/features/indices/LevelChart', () => ({ default: () => null, toSeries: () => [] }))

function orders(change: (order: Order, place: number) => Partial<Order>): Order[] {
  startExecution(makePlan(OPENING))
  const made = ordersOf().map((order, place) => ({ ...order, ...change(order, place) }))
  server.use(http.get('/api/orders', () => HttpResponse.json({ items: made, next_cursor: null })))
  return made
}

it('shows how each order was sent', async () => {
  orders((_, place) => ({ style: (['ioc', 'post_only', 'market'] as const)[place % 3] ?? 'ioc' }))
  renderAt('/activity')
  const table = await screen.findByRole('table', { name: 'Orders' })
  for (const words of ['IOC', 'Post-only', 'Market']) {
    expect(within(table).getAllByText(words)).not.toHaveLength(0)
  }
})

it('says why orders are unknown, and that nothing is assumed', async () => {
  orders((_, place) => (place < 2 ? { state: 'unknown' } : {}))
  renderAt('/activity')
  expect(await screen.findByText('2 orders are unknown.')).toBeTruthy()
  expect(screen.getByText(/nothing is assumed and nothing is sent in its place/)).toBeTruthy()
})

it('says nothing of the kind while every outcome is known', async () => {
  orders(() => ({ state: 'filled' }))
  renderAt('/activity')
  await screen.findByRole('table', { name: 'Orders' })
  expect(screen.queryByText(/unknown\.$/)).toBeNull()
})

it('leads from an order to its part of the timeline', async () => {
  const user = userEvent.setup()
  const [first] = orders(() => ({}))
  const router = renderAt('/activity')
  const table = await screen.findByRole('table', { name: 'Orders' })
  const [link] = within(table).getAllByRole('link', { name: 'Open BTC.D' })
  if (link) await user.click(link)
  await screen.findByRole('list', { name: 'Timeline' })
  expect(router.state.location.pathname).toBe(`/executions/${first?.execution_id}/trace`)
  expect(router.state.location.search).toEqual({ symbol: first?.symbol })
})

it('says that nothing fits the filters, and leads to all of it', async () => {
  const user = userEvent.setup()
  server.use(http.get('/api/fills', () => HttpResponse.json({ items: [], next_cursor: null })))
  const router = renderAt('/activity?show=fills&symbol=DOGEUSDT')
  await user.click(await screen.findByRole('link', { name: 'Show all fills' }))
  expect(router.state.location.search).toEqual({ show: 'fills' })
  expect(await screen.findByText('No fills yet')).toBeTruthy()
})

it('tells what was heard of an order, each at its very moment', async () => {
  const [first] = orders(() => ({}))
  const event = { event: 'send', from_state: 'planned', to_state: 'sent', detail: { fence: 1, source: 'answer' } }
  const events = [{ ...event, at: '2026-11-22T19:54:15.250Z' }]
  server.use(http.get('/api/orders/:id', () => HttpResponse.json({ ...first, events })))
  renderAt(`/activity/orders/${first?.id}`)
  const said = (await screen.findByRole('list', { name: 'Timeline' })).textContent
  expect(said).toContain(':15.250')
  expect(said).toContain('Sourceanswer')
  expect(said).not.toContain('Fence')
})
