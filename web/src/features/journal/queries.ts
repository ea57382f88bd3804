import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api, authorisedFetch } from '@/api/client'
import { at, paging } from '@/api/paging'
import { ProblemError, problemOf } from '@/api/problem'
import { apiQuery as daysQuery } from '@/features/activity/queries'

export type Entry = Schemas['EntryView']
export type Trade = Schemas['TradeView']
export type Image = Schemas['ImageView']
export type Figures = Schemas['FiguresView']
export type Group = Schemas['GroupView']
export type Statistics = Schemas['StatisticsView']
export type NewEntry = Schemas['NewEntry']
export type TradeWish = NonNullable<NewEntry['trade']>
export type Mood = NonNullable<Entry['mood']>
export type GroupBy = Statistics['by']

/** What the address of the journal says. Dates are days, as date inputs give them. */
export interface Filters {
  symbol?: string
  tag?: string
  q?: string
  from?: string
  to?: string
}

/** The query of the API: whole days in UTC, the last one included. */
function apiQuery({ symbol, tag, q, from, to }: Filters) {
  const days = daysQuery({ ...(from ? { from } : {}), ...(to ? { to } : {}) })
  return {
    ...days,
    ...(symbol?.trim() ? { symbol: symbol.trim() } : {}),
    ...(tag?.trim() ? { tag: tag.trim() } : {}),
    ...(q?.trim() ? { q: q.trim() } : {}),
  }
}

export const isFiltered = (filters: Filters) => Object.keys(apiQuery(filters)).length > 0

export const csvPath = (filters: Filters) => {
  const query = new URLSearchParams(apiQuery(filters)).toString()
  return `/api/journal/entries.csv${query && `?${query}`}`
}

export const entriesQuery = (filters: Filters) => {
  const query = apiQuery(filters)
  return infiniteQueryOptions({
    queryKey: ['journal', 'entries', query],
    queryFn: ({ pageParam }) =>
      answer(
        api.GET('/api/journal/entries', {
          params: { query: { ...query, limit: 20, ...at(pageParam) } },
        }),
      ),
    ...paging,
  })
}

export const entryQuery = (id: string) =>
  queryOptions({
    queryKey: ['journal', 'entry', id],
    queryFn: () => answer(api.GET('/api/journal/entries/{entry_id}', { params: { path: { entry_id: id } } })),
  })

export const statisticsQuery = (filters: Filters, by: GroupBy) => {
  const query = { ...apiQuery(filters), by }
  return queryOptions({
    queryKey: ['journal', 'statistics', query],
    queryFn: () => answer(api.GET('/api/journal/statistics', { params: { query } })),
    placeholderData: keepPreviousData,
  })
}

export const labelsQuery = queryOptions({
  queryKey: ['journal', 'labels'],
  queryFn: () => answer(api.GET('/api/journal/labels')),
  staleTime: 60_000,
})

/** What the ledger says of a trade before it is tied to an entry. */
export const tradeQuery = (trade: TradeWish) =>
  queryOptions({
    queryKey: ['journal', 'trade', trade],
    queryFn: () => answer(api.POST('/api/journal/trades', { body: { trade } })),
    retry: false,
  })

/** Open and closed ones. */
export const positionsQuery = infiniteQueryOptions({
  queryKey: ['positions', 'all'],
  queryFn: ({ pageParam }) => answer(api.GET('/api/positions', { params: { query: at(pageParam) } })),
  ...paging,
})

export const fillsQuery = (symbol: string) =>
  infiniteQueryOptions({
    queryKey: ['fills', 'journal', symbol],
    queryFn: ({ pageParam }) =>
      answer(
        api.GET('/api/fills', {
          params: {
            query: { limit: 50, ...(symbol ? { symbol } : {}), ...at(pageParam) },
          },
        }),
      ),
    ...paging,
  })

/** A picture as an address of this page: it needs the access token, which no address carries. */
export const pictureQuery = (id: string) =>
  queryOptions({
    queryKey: ['journal', 'picture', id],
    queryFn: async () => {
      const response = await authorisedFetch(
        new Request(new URL(`/api/journal/images/${id}`, globalThis.location.origin)),
      )
      if (!response.ok) throw new ProblemError(problemOf(await response.json().catch(() => null), response))
      return response.blob()
    },
    staleTime: Infinity,
  })
