import createClient from 'openapi-fetch'

import { learnServerTime } from '@/lib/clock'

import { ProblemError, problemOf } from './problem'
import type { components, paths } from './schema'
import { currentToken, forget, freshToken, refresh } from './session'

export type Schemas = components['schemas']

/** Sends with the access token; on 401 refreshes once (shared by all callers) and sends again. */
export async function authorisedFetch(request: Request): Promise<Response> {
  const spare = request.clone()
  // One that could not be renewed may hold for some seconds yet, and what is public needs none.
  const token = isSignIn(request) ? null : await freshToken().catch(currentToken)
  const first = await send(request, token)
  if (first.status !== 401 || isSignIn(request)) return first
  const renewed = currentToken() !== token || (await refresh())
  if (!renewed) return first
  const second = await send(spare, currentToken())
  if (second.status === 401) forget()
  return second
}

async function send(request: Request, token: string | null): Promise<Response> {
  if (token) request.headers.set('Authorization', `Bearer ${token}`)
  const response = await globalThis.fetch(request)
  learnServerTime(response.headers.get('date'))
  return response
}

function isSignIn(request: Request): boolean {
  const { pathname } = new URL(request.url)
  return pathname === '/api/auth/sign-in' || pathname === '/api/auth/sign-up' || pathname === '/api/auth/demo'
}

export const api = createClient<paths>({
  baseUrl: globalThis.location.origin,
  fetch: authorisedFetch,
})

/** The data of an answer; throws {@link ProblemError} when it says no. */
export async function answer<Data>(
  call: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<Exclude<Data, undefined>> {
  const { data, error, response } = await call
  if (!response.ok) throw new ProblemError(problemOf(error, response))
  return data as Exclude<Data, undefined>
}

/** Downloads a file that needs the access token; */
export async function download(path: string, name: string): Promise<void> {
  const response = await authorisedFetch(new Request(new URL(path, globalThis.location.origin)))
  if (!response.ok) throw new ProblemError(problemOf(await response.json().catch(() => null), response))
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await response.blob())
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
