import { waitFor } from '@testing-library/react'
import { expect, it, vi } from 'vitest'

import { kept } from '@/mocks/charts'
import { chartsOf, keepLayout, mockedLayouts, name, shown } from '@/test/layouts'
import { renderAt } from '@/test/render'

import { openLayout } from './layouts'
import { inTurn, settle } from './layoutSync'

vi.mock('./panels/ChartView', () => ({ ChartView: () => null }))
mockedLayouts()

const chart = (symbol: string) =>
  ({ to: '/chart/$source/$symbol', params: { source: 'bybit', symbol }, search: { tf: '15m' } }) as const

it('going back opens no chart of a layout that was left in the one that is open', async () => {
  const first = keepLayout('First', 'bybit:BTCUSDT', true)
  const second = keepLayout('Second', 'binance:ETHUSDT')
  const router = renderAt('/chart/bybit/BTCUSDT')
  const arrived = (address: string, layout: string) =>
    waitFor(() => {
      expect([router.state.location.pathname, router.state.status, name()]).toEqual([address, 'idle', layout])
      expect(router.state.location.state).toMatchObject({ layout })
    })
  await arrived('/chart/bybit/BTCUSDT', 'First')
  await router.navigate(chart('XRPUSDT'))
  await arrived('/chart/bybit/XRPUSDT', 'First')
  await router.navigate(chart('SOLUSDT'))
  await arrived('/chart/bybit/SOLUSDT', 'First')
  router.history.back()
  await arrived('/chart/bybit/XRPUSDT', 'First')
  expect(shown()).toEqual(['bybit:XRPUSDT'])
  await openLayout(second)
  await arrived('/chart/binance/ETHUSDT', 'Second')
  for (const go of ['back', 'forward', 'forward'] as const) {
    router.history[go]()
    await waitFor(() => expect(router.state.location.pathname).toBe('/chart/binance/ETHUSDT'))
    await arrived('/chart/binance/ETHUSDT', 'Second')
    expect(shown()).toEqual(['binance:ETHUSDT'])
  }
  await inTurn(settle)
  expect([chartsOf(first), chartsOf(second)]).toEqual([['bybit:XRPUSDT'], ['binance:ETHUSDT']])
  expect(kept.layouts.size).toBe(2)
})
