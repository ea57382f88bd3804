/** The user's open orders on a chart, as lines at their limits. */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { compareAmounts, forGeometry, price as priceText, subtractAmounts } from '@/lib/numbers'

import { splitSeries } from '../data/series'
import type { ChartEngine } from '../engine/ChartEngine'
import type { OrderLine } from './MarksPrimitive'
import { useIsTold, useToldOrders } from './useTold'

type Order = Schemas['OrderView']

/** While the stream does not tell them. */
const LOOK_AGAIN_MS = 15_000

export function useOrders(engine: ChartEngine, series: string, enabled: boolean): void {
  const [, symbol] = splitSeries(series)
  const isTold = useIsTold(enabled)
  const { data, dataUpdatedAt, isLoadingError } = useQuery({
    queryKey: ['orders', 'chart', symbol],
    queryFn: () => fetchOpen(symbol),
    enabled,
    refetchInterval: !isTold && LOOK_AGAIN_MS,
    meta: { marks: true },
  })
  const told = useToldOrders(enabled, dataUpdatedAt)
  const lines = useMemo(() => {
    const orders = told?.filter((order) => order.symbol === symbol) ?? data ?? []
    return enabled ? orders.flatMap(lineOf) : []
  }, [enabled, told, data, symbol])
  const failed = enabled && isLoadingError && !isTold
  useEffect(() => engine.marks.setOrders(lines), [engine, lines])
  useEffect(() => engine.marks.setFailed('order', failed), [engine, failed])
}

/** In the order in which they become what is asked for, so that one filled in between is found twice, never missed. */
async function fetchOpen(symbol: string): Promise<Order[]> {
  const ask = (state: 'accepted' | 'partially_filled') =>
    answer(api.GET('/api/orders', { params: { query: { symbol, state, limit: 200 } } }))
  const whole = await ask('accepted')
  const parts = await ask('partially_filled')
  return [...new Map([...whole.items, ...parts.items].map((order) => [order.id, order])).values()]
}

/** What is left of an order; one at the market price has no place on the scale. */
function lineOf({ side, limit_price, quantity, filled_quantity }: Order): OrderLine[] {
  const price = forGeometry(limit_price)
  if (price <= 0) return []
  const isPart = compareAmounts(filled_quantity, '0') > 0
  const size = isPart ? `${subtractAmounts(quantity, filled_quantity)} of ${quantity}` : quantity
  return [{ side, price, label: `${side === 'buy' ? 'Buy' : 'Sell'} ${size} at ${priceText(limit_price)}` }]
}
