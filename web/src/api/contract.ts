/**
 * Answers of the API which its description does not name yet. Every call here moves to the typed client as soon
 * as it does.
 */
import { authorisedFetch } from './client'
import { ProblemError, problemOf } from './problem'

interface Call {
  body?: unknown
  /** Makes a repetition of the same wish harmless. */
  key?: string
}

/** Asks the API; throws {@link ProblemError} when it says no. */
export async function ask<Data>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  { body, key }: Call = {},
): Promise<Data> {
  const headers = new Headers()
  if (body !== undefined) headers.set('Content-Type', 'application/json')
  if (key) headers.set('Idempotency-Key', key)
  const response = await authorisedFetch(
    new Request(new URL(path, globalThis.location.origin), {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  )
  if (!response.ok) throw new ProblemError(problemOf(await response.json().catch(() => null), response))
  return (response.status === 204 ? undefined : await response.json()) as Data
}
