import type { components } from './schema'

export type Problem = components['schemas']['Problem']

/** What some problems say besides. */
interface Further {
  line?: number | null
  kind?: string
}

/** An answer that says no (RFC 9457), or no answer at all (`status` 0). */
export class ProblemError extends Error {
  constructor(readonly problem: Problem & Further) {
    super(problem.detail || problem.title)
    this.name = 'ProblemError'
  }

  /** Of a script, counted from 1; null where the problem is of no one line. */
  get line(): number | null {
    return this.problem.line ?? null
  }

  get code(): string {
    return this.problem.type.split('/').at(-1) ?? ''
  }
}

const UNREACHABLE: Problem = {
  type: '/problems/unreachable',
  title: 'Holdfast does not answer.',
  status: 0,
  detail: 'The server could not be reached. What you asked for may or may not have arrived.',
  instance: '',
  advice: 'Check that it is running, then try again: an order is never placed twice.',
  request_id: '',
}

/** Whatever was thrown or answered, as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem
  if (error instanceof TypeError) return UNREACHABLE
  return {
    ...UNREACHABLE,
    type: '/problems/page-error',
    title: 'This page made a mistake.',
    detail: error instanceof Error ? error.message : String(error),
    advice: 'Reload the page. If it happens again, please report it.',
  }
}

/** What happened and what to do, in one line. */
export function problemWords(error: unknown): string {
  const { detail, advice } = asProblem(error)
  return [detail, advice].filter(Boolean).join(' ')
}

/** Reads the body of a refused answer. */
export function problemOf(body: unknown, response: Response): Problem & Further {
  const told = typeof body === 'object' && body !== null ? (body as Partial<Problem & Further>) : {}
  return {
    ...(told.line === undefined ? {} : { line: told.line }),
    ...(told.kind === undefined ? {} : { kind: told.kind }),
    type: told.type ?? `/problems/http-${response.status}`,
    title: told.title ?? 'This request was refused.',
    status: response.status,
    detail: told.detail ?? `The server answered ${response.status}.`,
    instance: told.instance ?? '',
    advice: told.advice ?? '',
    request_id: told.request_id ?? response.headers.get('x-request-id') ?? '',
  }
}
