import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { useEffect } from 'react'

import { stream } from '@/api/live'
import { queryClient } from '@/api/queries'
import { mayRestore, restoreSession, session } from '@/api/session'

import { router } from './router'

/** When somebody signs in or out, nothing of the one before may stay: answers, live data, guarded pages. */
function watchSession(): () => void {
  let before = who()
  return session.subscribe(() => {
    const now = who()
    if (now === before) return
    before = now
    queryClient.removeQueries({ predicate: ({ queryKey }) => !PUBLIC.includes(String(queryKey[0])) })
    stream.start()
    void router.invalidate()
  })
}

const PUBLIC = ['system', 'indices', 'index']

function who(): string {
  const current = session.get()
  return current.status === 'in' ? current.user.id : ''
}

export function App() {
  useEffect(() => {
    stream.start()
    const unwatch = watchSession()
    const unheal = stream.status.subscribe(() => {
      if (stream.status.get() === 'live' && mayRestore()) void restoreSession()
    })
    const wake = () => document.visibilityState === 'visible' && stream.retryNow()
    const sleep = () => stream.lose()
    window.addEventListener('online', wake)
    window.addEventListener('offline', sleep)
    document.addEventListener('visibilitychange', wake)
    return () => {
      unwatch()
      unheal()
      window.removeEventListener('online', wake)
      window.removeEventListener('offline', sleep)
      document.removeEventListener('visibilitychange', wake)
      stream.stop()
    }
  }, [])
  return (
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  )
}
