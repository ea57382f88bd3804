import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { answer, api } from '@/api/client'
import { at, paging } from '@/api/paging'

import { fetchEquity } from './equity'
import type { Backtest, NewBacktest } from './types'

const WHILE_RUNNING_MS = 1_000

export const isUnderWay = ({ state }: Pick<Backtest, 'state'>) => state === 'queued' || state === 'running'

/** Newest first; asked again while one of them is being worked on. */
export const backtestsQuery = infiniteQueryOptions({
  queryKey: ['backtests'],
  queryFn: ({ pageParam }) => answer(api.GET('/api/backtests', { params: { query: at(pageParam) } })),
  refetchInterval: ({ state }) =>
    state.data?.pages.some((page) => page.items.some(isUnderWay)) ? WHILE_RUNNING_MS : false,
  ...paging,
})

const path = (id: string) => ({ path: { backtest_id: id } })
const keyed = (id: string, key: string) => ({ params: { ...path(id), header: { 'idempotency-key': key } } })

export const backtestQuery = (id: string) =>
  queryOptions({
    queryKey: ['backtest', id],
    queryFn: () => answer(api.GET('/api/backtests/{backtest_id}', { params: path(id) })),
    refetchInterval: ({ state }) => (state.data && isUnderWay(state.data) ? WHILE_RUNNING_MS : false),
  })

/** What is done never changes. */
export const equityQuery = (id: string) =>
  queryOptions({
    queryKey: ['backtest', id, 'equity'],
    queryFn: ({ signal }) => fetchEquity(`/api/backtests/${id}/equity`, signal),
    staleTime: Infinity,
  })

export const tradesQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['backtest', id, 'trades'],
    queryFn: ({ pageParam }) =>
      answer(api.GET('/api/backtests/{backtest_id}/trades', { params: { ...path(id), query: at(pageParam) } })),
    staleTime: Infinity,
    ...paging,
  })

export const tradesCsv = (id: string) => `/api/backtests/${id}/trades.csv`

export const startBacktest = (body: NewBacktest, key: string) =>
  answer(api.POST('/api/backtests', { params: { header: { 'idempotency-key': key } }, body }))

export const cancelBacktest = (id: string, key: string) =>
  answer(api.POST('/api/backtests/{backtest_id}/cancel', keyed(id, key)))

export const deleteBacktest = (id: string, key: string) =>
  answer(api.DELETE('/api/backtests/{backtest_id}', keyed(id, key)))
