import { queryOptions } from '@tanstack/react-query'

import { answer, api, type Schemas } from '@/api/client'

import type { CheckWanted, ScriptView } from './types'

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

/** The script with this version as the newest, also if another was saved just after it. No problem of the save:
 * tried again with the same key, it is only read. */
async function savedScript(saved: Schemas['ScriptSaved'], source: string): Promise<ScriptView> {
  const now = await answer(api.GET('/api/scripts/{script_id}', { params: { path: { script_id: saved.id } } })).catch(
    (cause: unknown) => {
      throw new Error('It is saved, but cannot be read again. Save once more.', { cause })
    },
  )
  return { ...now, version: saved.version, source }
}

export const createScript = async (name: string, source: string, key: string) =>
  savedScript(
    await answer(api.POST('/api/scripts', { params: { header: { 'idempotency-key': key } }, body: { name, source } })),
    source,
  )

/** `version`: the one that was read, after which the source becomes the next. */
export const changeScript = async (
  id: string,
  change: { name: string; source: string; version: number },
  key: string,
) =>
  savedScript(
    await answer(
      api.PUT('/api/scripts/{script_id}', {
        params: { path: { script_id: id }, header: { 'idempotency-key': key } },
        body: change,
      }),
    ),
    change.source,
  )

export const deleteScript = (id: string, key: string) =>
  answer(
    api.DELETE('/api/scripts/{script_id}', { params: { path: { script_id: id }, header: { 'idempotency-key': key } } }),
  )
