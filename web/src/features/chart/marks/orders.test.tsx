import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { renderHook, waitFor } from '@testing-library/react'
import { http, HttpResponse } from 'msw'
import { expect, it, vi } from 'vitest'

import { adopt } from '@/api/session'
import { USER } from '@/mocks/world'
import { mockedServer, server } from '@/test/server'

import { useOrders } from './useOrders'

mockedServer()

const order = (id: string, side: 'buy' | 'sell', filled_quantity: string, limit_price = '64000') => ({
  id,
  side,
  limit_price,
  quantity: '0.5',
  filled_quantity,
})

/** The venue filled a part of the second order after the first question. */
const ORDERS: Record<string, object[]> = {
  accepted: [order('a', 'buy', '0'), order('b', 'sell', '0')],
  partially_filled: [order('b', 'sell', '0.3'), order('c', 'buy', '0.1'), order('m', 'sell', '0.1', '0')],
}

it('draws every open order, also what remains of those that are partly filled', async () => {
  adopt({ access_token: 'token', expires_in: 600, user: USER })
  server.use(
    http.get('/api/orders', ({ request }) => {
      const items = ORDERS[new URL(request.url).searchParams.get('state') ?? ''] ?? []
      return HttpResponse.json({ items, next_cursor: null })
    }),
  )
  const marks = { setOrders: vi.fn(), setFailed: vi.fn() }
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  renderHook(() => useOrders({ marks } as never, 'bybit:BTCUSDT', true), {
    wrapper: ({ children }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>,
  })
  const drawn = () => (marks.setOrders.mock.lastCall?.[0] as { label: string }[]).map((line) => line.label)
  await waitFor(() => expect(drawn()).not.toEqual([]))
  expect(drawn()).toEqual(['Buy 0.5 at 64,000.00', 'Sell 0.2 of 0.5 at 64,000.00', 'Buy 0.4 of 0.5 at 64,000.00'])
})
