import { createRootRoute, createRoute, Outlet, redirect } from '@tanstack/react-router'

import { session } from '@/api/session'

import { NotFoundPage, PageError } from './Fallbacks'
import { Shell } from './Shell'

export const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage, errorComponent: PageError })

/** Pages of one's own: a visitor signs in first and comes back. */
export const mine = createRoute({
  getParentRoute: () => root,
  id: 'mine',
  component: Outlet,
  beforeLoad: ({ location }) => {
    if (session.get().status !== 'in') throw redirect({ to: '/sign-in', search: { next: location.href } })
  },
})
