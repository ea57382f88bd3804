import { queryOptions } from '@tanstack/react-query'

import { answer, api } from '@/api/client'

import type { CheckWanted } from './types'

export const scriptsQuery = queryOptions({
  queryKey: ['scripts'],
  queryFn: () => answer(api.GET('/api/scripts')),
})

export const scriptQuery = (id: string) =>
  queryOptions({
    queryKey: ['scripts', id],
    queryFn: () => answer(api.GET('/api/scripts/{script_id}', { params: { path: { script_id: id } } })),
  })

/** A version never changes. */
export const versionQuery = (id: string, number: number) =>
  queryOptions({
    queryKey: ['scripts', id, 'versions', number],
    queryFn: () =>
      answer(api.GET('/api/scripts/{script_id}/versions/{number}', { params: { path: { script_id: id, number } } })),
    staleTime: Infinity,
  })

export const examplesQuery = queryOptions({
  queryKey: ['script-examples'],
  queryFn: () => answer(api.GET('/api/scripts/examples')),
  staleTime: Infinity,
})

export const referenceQuery = queryOptions({
  queryKey: ['script-reference'],
  queryFn: async () => (await answer(api.GET('/api/scripts/reference'))).names,
  staleTime: Infinity,
})

export const checkScript = (wanted: CheckWanted) => answer(api.POST('/api/scripts/check', { body: wanted }))

export const createScript = (name: string, source: string, key: string) =>
  answer(api.POST('/api/scripts', { params: { header: { 'idempotency-key': key } }, body: { name, source } }))

/** `version`: the one that was read, after which the source becomes the next. */
export const changeScript = (id: string, change: { name: string; source: string; version: number }, key: string) =>
  answer(
    api.PUT('/api/scripts/{script_id}', {
      params: { path: { script_id: id }, header: { 'idempotency-key': key } },
      body: change,
    }),
  )

export const deleteScript = (id: string, key: string) =>
  answer(
    api.DELETE('/api/scripts/{script_id}', { params: { path: { script_id: id }, header: { 'idempotency-key': key } } }),
  )
