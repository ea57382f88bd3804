/** What charts keep on this device, apart for every user. A visitor is the user without an id. */
import { useSyncExternalStore } from 'react'

import { mayRestore, session, signedInBefore } from '@/api/session'

/** These were kept for everybody together once. */
const SHARED = ['holdfast.workspace', 'holdfast.modes', 'holdfast.chart', 'holdfast.drawings']

export function userId(): string {
  const current = session.get()
  return current.status === 'in' ? current.user.id : ''
}

export function useUserId(): string {
  return useSyncExternalStore(session.subscribe, userId)
}

export const keyOf = (name: string, user = userId()) => `${name}:${user}`

/** Keeps something of this user for good, or as long as the tab is open. A device that is full or refuses keeps nothing. */
export function keep(where: 'localStorage' | 'sessionStorage', name: string, value: unknown): void {
  try {
    window[where].setItem(keyOf(name), JSON.stringify(value))
  } catch {
    // The page goes on with what it has in hand.
  }
}

/** Tells when somebody else uses the page, before it is drawn for them. */
export function onOtherUser(listener: () => void): void {
  let before = userId()
  session.subscribe(() => {
    const now = userId()
    if (now === before) return
    before = now
    listener()
  })
}

/**
 * Gives what was kept for everybody to the one the page begins with. Where an account was in use here and its sign-in
 * does not hold any more, nobody can tell who comes next, and it goes.
 */
export function shareOut(wasSignedIn: boolean): void {
  const user = userId()
  for (const name of SHARED) {
    const kept = localStorage.getItem(name)
    localStorage.removeItem(name)
    const claimed = kept !== null && (user !== '' || !wasSignedIn)
    if (claimed && localStorage.getItem(keyOf(name)) === null) localStorage.setItem(keyOf(name), kept)
  }
}

const atStart = signedInBefore()
const unwatch = session.subscribe(() => {
  if (session.get().status === 'unknown' || mayRestore()) return
  unwatch()
  shareOut(atStart)
})
