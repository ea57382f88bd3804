import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'

import { answer, api } from '@/api/client'
import { session } from '@/api/session'
import { forGeometry, price as priceText } from '@/lib/numbers'
import { useStore } from '@/lib/store'

import { splitSeries } from './data/series'
import type { ChartEngine } from './engine/ChartEngine'

/** The only venue that orders go to. The same coin of another venue is another market, with other prices. */
const TRADED = 'bybit'

/** Draws the user's own fills and open orders of the symbol, on the chart of the venue they were made at. */
export function useMarks(engine: ChartEngine | null, series: string): void {
  const signedIn = useStore(session).status === 'in'
  const [source, symbol] = splitSeries(series)
  const enabled = signedIn && source === TRADED
  const fills = useQuery({
    queryKey: ['fills', 'chart', symbol],
    queryFn: () => answer(api.GET('/api/fills', { params: { query: { symbol, limit: 200 } } })),
    enabled,
  }).data?.items
  const orders = useQuery({
    queryKey: ['orders', 'chart', symbol],
    queryFn: () => answer(api.GET('/api/orders', { params: { query: { symbol, state: 'accepted', limit: 200 } } })),
    enabled,
    refetchInterval: 15_000,
  }).data?.items

  useEffect(() => {
    const working = (orders ?? []).filter((order) => forGeometry(order.limit_price) > 0)
    engine?.marks.set(
      enabled ? (fills ?? []).filter((fill) => fill.exec_type === 'Trade') : [],
      enabled
        ? working.map(({ side, limit_price, quantity }) => ({
            side,
            price: forGeometry(limit_price),
            label: `${side === 'buy' ? 'Buy' : 'Sell'} ${quantity} at ${priceText(limit_price)}`,
          }))
        : [],
    )
  }, [engine, enabled, fills, orders])
}
