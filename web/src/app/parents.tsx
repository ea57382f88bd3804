import { createRootRoute, createRoute, notFound, Outlet, redirect } from '@tanstack/react-router'

import { session } from '@/api/session'

import { NotFoundPage, PageError } from './Fallbacks'
import { Shell } from './Shell'

export const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage, errorComponent: PageError })

/** What stands in the address of a page of one's own: the id of something, or what is not made yet. */
const NAMED = /^(new|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i

/** Pages of one's own: a visitor signs in first and comes back. */
export const mine = createRoute({
  getParentRoute: () => root,
  id: 'mine',
  component: Outlet,
  beforeLoad: ({ location, params }) => {
    if (session.get().status !== 'in') throw redirect({ to: '/sign-in', search: { next: location.href } })
    if (!Object.values<string>(params).every((each) => NAMED.test(each))) throw notFound()
  },
})
