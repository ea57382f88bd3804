import { lazy, Suspense } from 'react'

import { session } from '@/api/session'
import { useStore } from '@/lib/store'

const Overview = lazy(() => import('@/features/overview/OverviewPage'))
const Landing = lazy(() => import('@/features/landing/LandingPage'))

/** One address, two faces. */
export function HomePage() {
  const signedIn = useStore(session).status === 'in'
  return <Suspense>{signedIn ? <Overview /> : <Landing />}</Suspense>
}
