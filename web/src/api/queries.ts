import { QueryClient } from '@tanstack/react-query'

import { ProblemError } from './problem'

/** A "no" stays a no: only silence and the server's own accidents are asked again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (count, error) => count < 2 && !(error instanceof ProblemError && isFinal(error.problem.status)),
      refetchOnWindowFocus: true,
    },
  },
})

function isFinal(status: number): boolean {
  return status >= 400 && status < 500
}
