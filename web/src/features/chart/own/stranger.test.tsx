import { screen, waitFor } from '@testing-library/react'
import { http, HttpResponse } from 'msw'
import { expect, it, vi } from 'vitest'

import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { lastChart } from '../last'
import { workspace } from '../workspace'
import { ownSeries } from './store'

vi.mock('../panels/ChartView', () => ({ ChartView: () => null }))
mockedServer()

it('keeps what an address names only where it is a market or one’s own', async () => {
  server.use(http.get('/api/charts/layouts', () => HttpResponse.json([])))
  const router = renderAt('/chart/own/anothers')
  await screen.findByRole('heading', { level: 1, name: 'Chart of Your data' })
  const kept = () => [workspace.get().cells[0]?.series, lastChart().params.symbol]
  expect(kept()).toEqual(['bybit:BTCUSDT', 'BTCUSDT'])
  await router.navigate({ to: '/chart/$source/$symbol', params: { source: 'bybit', symbol: 'SOLUSDT' } })
  await waitFor(() => expect(kept()).toEqual(['bybit:SOLUSDT', 'SOLUSDT']))
  await router.navigate({ to: '/chart/$source/$symbol', params: { source: 'own', symbol: 'mine' } })
  ownSeries.set(new Map([['own:mine', { name: 'Mine', base: '1h' }]]))
  await waitFor(() => expect(kept()).toEqual(['own:mine', 'mine']))
})
