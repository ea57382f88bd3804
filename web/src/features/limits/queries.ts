import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { ask } from '@/api/contract'

/** Money in USDT, shares as 0.1 for 10%; null where there is no limit of one's own. */
export interface Limits {
  order_notional: string | null
  instrument_notional: string | null
  sleeve_notional: string | null
  gross_notional: string | null
  daily_loss: string | null
  drawdown: string | null
  orders_per_minute: number | null
  price_band: string | null
}

export type LimitName = keyof Limits

export interface LimitUsage {
  gross_notional: string
  sleeve_notional: string
  instrument_notional: string
  instruments: { symbol: string; notional: string }[]
  day_pnl: string
  daily_loss: string
  equity: string | null
  peak: string | null
  peak_since: string | null
  drawdown: string | null
  orders_per_minute: number
  unpriced: string[]
  as_of: string
}

/** `effective` is what counts: the strictest of all that apply. */
export interface LimitsView {
  user: Limits
  defaults: Limits
  effective: Limits
  usage: LimitUsage
  position?: Limits
}

/** Whose limits: the user's, or one position's. */
export type Owner = string | null

const pathOf = (owner: Owner) => (owner === null ? '/api/limits' : `/api/positions/${owner}/limits`)

export const limitsQuery = (owner: Owner) =>
  queryOptions({
    queryKey: ['limits', owner ?? ''],
    queryFn: () => ask<LimitsView>('GET', pathOf(owner)),
    refetchInterval: 10_000,
  })

export function useSaveLimits(owner: Owner) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ limits, key }: { limits: Limits; key: string }) =>
      ask<LimitsView>('PUT', pathOf(owner), { body: limits, key }),
    onSuccess: (view) => {
      client.setQueryData(limitsQuery(owner).queryKey, view)
      return client.invalidateQueries({ queryKey: ['limits'] })
    },
  })
}
