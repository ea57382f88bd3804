import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'

import { USER } from '@/mocks/world'
import { mockedServer, server } from '@/test/server'

import { answer, api } from './client'
import { asProblem, ProblemError } from './problem'
import { adopt, currentToken, forget, freshToken, session } from './session'

mockedServer()

const signedIn = (token: string) => ({ access_token: token, expires_in: 600, user: USER })

beforeEach(() => {
  forget()
  adopt(signedIn('old'))
})

/** A server that takes only the newest token, and counts how often a new one was fetched. */
function serverWithToken(valid: string, refreshed: () => Response) {
  const counts = { refresh: 0, bodies: [] as string[] }
  const allowed = (request: Request) => request.headers.get('authorization') === `Bearer ${valid}`
  const refuse = () => HttpResponse.json({ type: '/problems/not-signed-in', title: 'Please sign in.' }, { status: 401 })
  server.use(
    http.post('/api/auth/refresh', () => {
      counts.refresh += 1
      return refreshed()
    }),
    http.get('/api/positions', ({ request }) => (allowed(request) ? HttpResponse.json([]) : refuse())),
    http.get('/api/connections', ({ request }) => (allowed(request) ? HttpResponse.json([]) : refuse())),
    http.post('/api/previews', async ({ request }) => {
      if (!allowed(request)) return refuse()
      counts.bodies.push(await request.text())
      return HttpResponse.json({ id: 'plan' }, { status: 201 })
    }),
  )
  return counts
}

describe('an expired access token', () => {
  it('is renewed once for all who wait, and every request is sent again', async () => {
    const counts = serverWithToken('new', () => HttpResponse.json(signedIn('new')))
    const answers = await Promise.all([
      answer(api.GET('/api/positions')),
      answer(api.GET('/api/connections')),
      answer(api.GET('/api/positions')),
    ])
    expect(answers).toEqual([[], [], []])
    expect(counts.refresh).toBe(1)
    expect(currentToken()).toBe('new')
  })

  it('repeats a POST with its whole body', async () => {
    const counts = serverWithToken('new', () => HttpResponse.json(signedIn('new')))
    const body = { kind: 'close' as const, position_id: 'a0e6c7d4-1d4e-4df1-8cf2-6b1a8d6f2f10' }
    await answer(api.POST('/api/previews', { body }))
    expect(counts.bodies.map((text) => JSON.parse(text) as unknown)).toEqual([body])
  })

  it('signs out when the cookie is refused too', async () => {
    serverWithToken('new', () => new HttpResponse(null, { status: 401 }))
    await expect(answer(api.GET('/api/positions'))).rejects.toBeInstanceOf(ProblemError)
    expect(session.get()).toEqual({ status: 'out' })
    expect(currentToken()).toBeNull()
  })

  it('stays signed in when the server merely stumbles over the refresh', async () => {
    serverWithToken('new', () => new HttpResponse(null, { status: 503 }))
    await expect(answer(api.GET('/api/positions'))).rejects.toBeInstanceOf(ProblemError)
    expect(session.get().status).toBe('in')
  })
})

it('is renewed before it ends, without a refused request', async () => {
  adopt({ ...signedIn('old'), expires_in: 0 })
  let refused = 0
  server.use(
    http.post('/api/auth/refresh', () => HttpResponse.json(signedIn('new'))),
    http.get('/api/positions', ({ request }) => {
      if (request.headers.get('authorization') === 'Bearer new') return HttpResponse.json([])
      refused += 1
      return new HttpResponse(null, { status: 401 })
    }),
  )
  expect(await answer(api.GET('/api/positions'))).toEqual([])
  expect(refused).toBe(0)
})

it('is still sent when it cannot be renewed: it may hold for some seconds', async () => {
  adopt({ ...signedIn('old'), expires_in: 0 })
  serverWithToken('old', () => new HttpResponse(null, { status: 502 }))
  expect(await answer(api.GET('/api/positions'))).toEqual([])
  await expect(freshToken()).rejects.toBeInstanceOf(ProblemError)
})

it('keeps the token out of every storage', () => {
  adopt(signedIn('very-secret-token'))
  const stored = JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])
  expect(stored).not.toContain('very-secret-token')
})

it('reads problem details, with the request id of the header when the body has none', async () => {
  server.use(
    http.get('/api/positions', () =>
      HttpResponse.json(
        { type: '/problems/conflict', title: 'No.', detail: 'Because.', advice: 'Wait.' },
        { status: 409, headers: { 'x-request-id': 'req-7' } },
      ),
    ),
  )
  const error = await answer(api.GET('/api/positions')).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ProblemError)
  expect((error as ProblemError).code).toBe('conflict')
  expect(asProblem(error)).toMatchObject({ status: 409, detail: 'Because.', advice: 'Wait.', request_id: 'req-7' })
})

it('says plainly when nobody answers', async () => {
  server.use(http.get('/api/positions', () => HttpResponse.error()))
  const error = await answer(api.GET('/api/positions')).catch((thrown: unknown) => thrown)
  expect(asProblem(error)).toMatchObject({ status: 0, type: '/problems/unreachable' })
})
