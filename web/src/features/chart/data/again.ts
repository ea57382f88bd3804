/** Asking again by itself after a failure, less and less often. */
import { ProblemError } from '@/api/problem'

const FIRST_RETRY = 2_000
const LONGEST_RETRY = 60_000

/** How long to wait after so many failures before this one. */
export function pauseAfter(failures: number, first = FIRST_RETRY): number {
  return Math.min(LONGEST_RETRY, first * 2 ** failures)
}

/** Whether the server understood and says no: the same question gets the same answer. */
export function isFinal(error: unknown): boolean {
  const status = error instanceof ProblemError ? error.problem.status : 0
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status)
}
