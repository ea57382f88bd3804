import { useCallback, useEffect, useRef, useState } from 'react'

import { session } from '@/api/session'
import { userId } from '@/features/chart/userStorage'
import { serverNow } from '@/lib/clock'

import type { KeptDraft } from './drafts'
import { dropDraft, keepDraft, readDraft } from './drafts'

/** Somebody who types is given so long to pause. */
const PAUSE = 500

/** What was kept of a script the last time, and of whom: the one who opened it, whoever is there when it is closed. */
export function useFoundDraft(id: string) {
  const [user] = useState(userId)
  const [found, setFound] = useState(() => readDraft(user, id))
  return { user, found, forgetFound: () => setFound(null) }
}

/**
 * Keeps what is not saved: after a pause, and at once when the page is hidden, closed or left. `keepNow` is false where
 * there is no room for it; `drop` lets it go for good.
 */
export function useKeptDraft(user: string, id: string, isDirty: boolean, now: Omit<KeptDraft, 'at'>) {
  const keeping = useRef<(() => boolean) | null>(null)
  const { name, source, version } = now

  const keepNow = useCallback(() => {
    const current = session.get()
    if (current.status === 'out' && current.chosen) return true
    return keeping.current?.() ?? true
  }, [])
  const drop = useCallback(() => {
    keeping.current = null
    dropDraft(user, id)
  }, [user, id])

  useEffect(() => {
    if (!isDirty) return drop()
    keeping.current = () => keepDraft(user, id, { name, source, version, at: new Date(serverNow()).toISOString() })
    const timer = setTimeout(keepNow, PAUSE)
    return () => clearTimeout(timer)
  }, [user, id, isDirty, name, source, version, keepNow, drop])

  useEffect(() => {
    const onHidden = () => document.visibilityState === 'hidden' && keepNow()
    window.addEventListener('pagehide', keepNow)
    document.addEventListener('visibilitychange', onHidden)
    return () => {
      window.removeEventListener('pagehide', keepNow)
      document.removeEventListener('visibilitychange', onHidden)
      keepNow()
    }
  }, [keepNow])

  return { keepNow, drop }
}
