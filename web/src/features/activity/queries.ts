import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { at, paging } from '@/api/paging'

export type Order = Schemas['OrderView']
export type Fill = Schemas['FillView']
export type Payment = Schemas['PaymentView']

/** What the address of the activity page says. Dates are days, as date inputs give them. */
export interface Filters {
  show?: string
  position?: string
  symbol?: string
  state?: string
  kind?: string
  from?: string
  to?: string
}

/** Whether anything is left out; which kind of activity is shown leaves nothing out. */
export const isFiltered = (filters: Filters): boolean =>
  Object.entries(filters).some(([name, value]) => name !== 'show' && value)

/** The query of the API: whole days in UTC, the last one included. */
export function apiQuery(filters: Filters) {
  return {
    ...(filters.position ? { position: filters.position } : {}),
    ...(filters.symbol ? { symbol: filters.symbol.trim().toUpperCase() } : {}),
    ...(isDay(filters.from) ? { from: `${filters.from}T00:00:00Z` } : {}),
    ...(isDay(filters.to) ? { to: `${filters.to}T23:59:59.999Z` } : {}),
  }
}

const isDay = (text: string | undefined) => text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text)

export const ORDER_STATES = [
  'planned',
  'sent',
  'unknown',
  'accepted',
  'partially_filled',
  'filled',
  'cancelled',
  'rejected',
] as const satisfies readonly Order['state'][]

export const ordersQuery = (filters: Filters) => {
  const state = ORDER_STATES.find((each) => each === filters.state)
  const query = { ...apiQuery(filters), ...(state ? { state } : {}) }
  return infiniteQueryOptions({
    queryKey: ['orders', query],
    queryFn: ({ pageParam }) => answer(api.GET('/api/orders', { params: { query: { ...query, ...at(pageParam) } } })),
    ...paging,
  })
}

export const fillsQuery = (filters: Filters) => {
  const query = apiQuery(filters)
  return infiniteQueryOptions({
    queryKey: ['fills', query],
    queryFn: ({ pageParam }) => answer(api.GET('/api/fills', { params: { query: { ...query, ...at(pageParam) } } })),
    ...paging,
  })
}

export const paymentsQuery = (filters: Filters) => {
  const kind = (['fee', 'funding'] as const).find((each) => each === filters.kind)
  const query = { ...apiQuery(filters), ...(kind ? { kind } : {}) }
  return infiniteQueryOptions({
    queryKey: ['payments', query],
    queryFn: ({ pageParam }) => answer(api.GET('/api/payments', { params: { query: { ...query, ...at(pageParam) } } })),
    ...paging,
  })
}

export const orderQuery = (id: string) =>
  queryOptions({
    queryKey: ['order', id],
    queryFn: () => answer(api.GET('/api/orders/{order_id}', { params: { path: { order_id: id } } })),
  })

/** The path of the CSV file with the same filters as the table. */
export function csvPath(resource: 'orders' | 'fills' | 'payments', filters: Filters): string {
  const query: Record<string, string> = apiQuery(filters)
  if (resource === 'orders' && filters.state) query['state'] = filters.state
  if (resource === 'payments' && filters.kind) query['kind'] = filters.kind
  const text = new URLSearchParams(query).toString()
  return `/api/${resource}.csv${text && `?${text}`}`
}
