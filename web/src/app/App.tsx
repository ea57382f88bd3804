import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { useEffect } from 'react'

import { stream } from '@/api/live'
import { queryClient } from '@/api/queries'
import { mayRestore, restoreSession } from '@/api/session'

import { router } from './router'
import { watchSession } from './watchSession'

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
