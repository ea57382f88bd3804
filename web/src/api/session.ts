/**
 * Who is signed in. The access token lives in this module's memory and nowhere else; the refresh token is a
 * cookie the page cannot read. Storage holds only the fact that somebody signed in here once, so that a
 * first-time visitor's page does not ask for a refresh that must fail.
 */
import { learnServerTime } from '@/lib/clock'
import { createStore } from '@/lib/store'

import { ProblemError, problemOf } from './problem'
import type { components } from './schema'

export type SignedIn = components['schemas']['SignedIn']
export type User = components['schemas']['UserView']

export type Session = { status: 'unknown' } | { status: 'out' } | { status: 'in'; user: User }

const HINT = 'holdfast.signed-in'

export const session = createStore<Session>({ status: 'unknown' })

let accessToken: string | null = null

export function currentToken(): string | null {
  return accessToken
}

export function adopt(answer: SignedIn): void {
  accessToken = answer.access_token
  localStorage.setItem(HINT, '1')
  session.set({ status: 'in', user: answer.user })
}

export function forget(): void {
  accessToken = null
  localStorage.removeItem(HINT)
  session.set({ status: 'out' })
}

let refreshing: Promise<boolean> | null = null

/** Exchanges the cookie for a new token. Concurrent callers share one request; false when signed out. */
export function refresh(): Promise<boolean> {
  refreshing ??= acrossTabs(exchange).finally(() => {
    refreshing = null
  })
  return refreshing
}

/** A refresh token may be used once: two tabs refreshing at once would look like theft. */
async function acrossTabs(work: () => Promise<boolean>): Promise<boolean> {
  if (!('locks' in navigator)) return work()
  return await navigator.locks.request('holdfast.refresh', work)
}

async function exchange(): Promise<boolean> {
  const response = await fetch('/api/auth/refresh', { method: 'POST', credentials: 'same-origin' })
  learnServerTime(response.headers.get('date'))
  if (response.ok) {
    adopt((await response.json()) as SignedIn)
    return true
  }
  if (response.status === 401 || response.status === 403) {
    forget()
    return false
  }
  throw new ProblemError(problemOf(await response.json().catch(() => null), response))
}

/** At start: signed in or out, without troubling the server for a visitor who never signed in here. */
export async function restoreSession(): Promise<void> {
  if (localStorage.getItem(HINT) === null) {
    session.set({ status: 'out' })
    return
  }
  try {
    await refresh()
  } catch {
    session.set({ status: 'out' })
  }
}
