import { queryOptions } from '@tanstack/react-query'

import { authorisedFetch } from '@/api/client'
import { ProblemError, problemOf } from '@/api/problem'
import { randomKey } from '@/lib/ids'

import type { InputValue } from './scriptInputs'
import type { CheckView, ReferenceEntry, ScriptExample, ScriptSummary, ScriptView, VersionView } from './types'

const ROOT = '/api/scripts'

async function ask<Answer>(path: string, method = 'GET', body?: unknown, key?: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...(key ? { 'idempotency-key': key } : {}) }
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const response = await authorisedFetch(new Request(new URL(ROOT + path, globalThis.location.origin), init))
  if (!response.ok) throw new ProblemError(problemOf(await response.json().catch(() => null), response))
  return (response.status === 204 ? undefined : await response.json()) as Answer
}

export const scriptsQuery = queryOptions({ queryKey: ['scripts'], queryFn: () => ask<ScriptSummary[]>('') })

export const scriptQuery = (id: string) =>
  queryOptions({ queryKey: ['scripts', id], queryFn: () => ask<ScriptView>(`/${id}`) })

/** A version never changes. */
export const versionQuery = (id: string, number: number) =>
  queryOptions({
    queryKey: ['scripts', id, 'versions', number],
    queryFn: () => ask<VersionView>(`/${id}/versions/${number}`),
    staleTime: Infinity,
  })

export const examplesQuery = queryOptions({
  queryKey: ['script-examples'],
  queryFn: () => ask<ScriptExample[]>('/examples'),
  staleTime: Infinity,
})

export const referenceQuery = queryOptions({
  queryKey: ['script-reference'],
  queryFn: () => ask<{ names: ReferenceEntry[] }>('/reference').then((found) => found.names),
  staleTime: Infinity,
})

export interface CheckWanted {
  source: string
  inputs: Record<string, InputValue>
  series: string
  timeframe: string
}

export const checkScript = (wanted: CheckWanted) => ask<CheckView>('/check', 'POST', wanted, randomKey())

export const createScript = (name: string, source: string, key: string) =>
  ask<ScriptView>('', 'POST', { name, source }, key)

/** `version`: the one that was read, after which the source becomes the next. */
export const changeScript = (id: string, change: { name?: string; source: string; version: number }, key: string) =>
  ask<ScriptView>(`/${id}`, 'PUT', change, key)

export const deleteScript = (id: string, key: string) => ask<undefined>(`/${id}`, 'DELETE', undefined, key)
