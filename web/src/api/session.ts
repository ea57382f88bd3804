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
type User = components['schemas']['UserView']

/** `chosen`: the user signed out; else nobody was signed in, or the session ended by itself. */
export type Session = { status: 'unknown' } | { status: 'out'; chosen?: true } | { status: 'in'; user: User }

const HINT = 'holdfast.signed-in'

export const session = createStore<Session>({ status: 'unknown' })

/** Renewed this long before its end, so that it does not end on its way. */
const MARGIN = 30_000

let accessToken: string | null = null
let endsAt = 0

export function currentToken(): string | null {
  return accessToken
}

/** A token that still holds for a while, renewed first if need be; null when signed out. Throws while it cannot
 * be renewed. */
export async function freshToken(): Promise<string | null> {
  if (accessToken !== null && Date.now() >= endsAt) await refresh()
  return accessToken
}

/** The server no longer takes the token, whatever its time. */
export function distrustToken(): void {
  endsAt = 0
}

export function adopt(answer: SignedIn): void {
  accessToken = answer.access_token
  endsAt = Date.now() + Math.max(answer.expires_in * 1000 - MARGIN, answer.expires_in * 500)
  localStorage.setItem(HINT, '1')
  session.set({ status: 'in', user: answer.user })
}

export function forget(): void {
  letGo()
  session.set({ status: 'out' })
}

/** The user signed out: nothing of theirs stays in this tab. */
export function leave(): void {
  letGo()
  session.set({ status: 'out', chosen: true })
}

function letGo(): void {
  accessToken = null
  localStorage.removeItem(HINT)
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

/** Somebody signed in here, and has not signed out since. */
export function signedInBefore(): boolean {
  return localStorage.getItem(HINT) !== null
}

/** Somebody signed in here once and the server could not be asked since. */
export function mayRestore(): boolean {
  return session.get().status === 'out' && localStorage.getItem(HINT) !== null
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
