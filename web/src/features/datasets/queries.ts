import { queryOptions } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'

export type Dataset = Schemas['DatasetView']
export type Kind = Dataset['kind']
export type Quota = Schemas['QuotaView']
export type Import = Schemas['ImportView']
export type Problem = Schemas['ImportProblem']

const WHILE_READING_MS = 1_000

export const isUnderWay = (dataset: Dataset) => dataset.state !== 'ready' && dataset.state !== 'failed'

/** The user's own data; asked again while a file is being read. */
export const datasetsQuery = queryOptions({
  queryKey: ['datasets'],
  queryFn: () => answer(api.GET('/api/datasets')),
  refetchInterval: ({ state }) => (state.data?.datasets.some(isUnderWay) ? WHILE_READING_MS : false),
})

/** One of them with the rows that are wrong, as it was when `updatedAt`. */
export const problemsQuery = (id: string, updatedAt: string) =>
  queryOptions({
    queryKey: ['dataset', id, updatedAt],
    queryFn: () => answer(api.GET('/api/datasets/{dataset_id}', { params: { path: { dataset_id: id } } })),
    staleTime: Infinity,
  })

export const isBeingImported = ({ state }: Import) => state !== 'done' && state !== 'failed'

/** The user's files for the history of markets, newest first; asked again while one is under way. */
export const importsQuery = queryOptions({
  queryKey: ['imports'],
  queryFn: () => answer(api.GET('/api/data/imports')),
  refetchInterval: ({ state }) => (state.data?.some(isBeingImported) ? WHILE_READING_MS : false),
})
