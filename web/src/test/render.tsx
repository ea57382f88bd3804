import { QueryClientProvider } from '@tanstack/react-query'
import { createMemoryHistory, RouterProvider } from '@tanstack/react-router'
import { render } from '@testing-library/react'

import { queryClient } from '@/api/queries'
import { adopt } from '@/api/session'
import { makeRouter } from '@/app/router'
import { USER } from '@/mocks/world'

/** The whole app at an address, signed in. */
export function renderAt(path: string) {
  queryClient.clear()
  adopt({ access_token: 'token', expires_in: 600, user: USER })
  const router = makeRouter(createMemoryHistory({ initialEntries: [path] }))
  render(
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  )
  return router
}
