import { HttpResponse } from 'msw'

/** A refusal as the API words it. */
export function problem(status: number, code: string, detail: string, advice = '') {
  const body = {
    type: `/problems/${code}`,
    title: status === 404 ? 'There is nothing here.' : 'The situation has changed.',
    status,
    detail,
    instance: '',
    advice,
    request_id: 'req-mock-0001',
  }
  return HttpResponse.json(body, { status, headers: { 'Content-Type': 'application/problem+json' } })
}

export const missing = () => problem(404, 'not-found', 'It may be gone, or it never was.')
