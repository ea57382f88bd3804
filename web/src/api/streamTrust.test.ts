import { beforeEach, describe, expect, it, vi } from 'vitest'

import { USER } from '@/mocks/world'
import { fakeServer } from '@/test/fakeServer'

import { adopt, forget, freshToken, session } from './session'

const server = fakeServer()

const REFUSED = { op: 'error', code: 'not-signed-in', detail: 'Your sign-in has expired.' }

describe('who is signed in', () => {
  const watchPositions = () => {
    const heard: unknown[] = []
    server.stream.watch('positions', (data) => heard.push(data))
    return heard
  }
  /** How long until the next attempt. */
  const pause = async () => {
    const before = server.opened.length
    for (let waited = 0; waited <= 20_000; waited += 250) {
      if (server.opened.length > before) return waited
      await vi.advanceTimersByTimeAsync(250)
    }
    return Infinity
  }

  it('never listens as a stranger while a refresh fails, and hears private topics once one works', async () => {
    const signedIn = (access_token: string, expires_in: number) => ({ access_token, expires_in, user: USER })
    const asked = vi.fn(() => Promise.resolve(new Response(null, { status: 502 })))
    vi.stubGlobal('fetch', asked)
    adopt(signedIn('expired', 0))
    server.token = freshToken
    const heard = watchPositions()
    await server.start()
    const pauses: number[] = []
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await server.socket().opens()
      server.socket().says({ op: 'beat', at: 1 })
      expect(server.socket().sent).toEqual([])
      expect(server.stream.status.get()).toBe('offline')
      pauses.push(await pause())
    }
    expect(pauses).toEqual([500, 1_000, 2_000])
    expect(asked).toHaveBeenCalledTimes(3)
    expect(session.get().status).toBe('in')

    asked.mockImplementation(() => Promise.resolve(Response.json(signedIn('renewed', 600))))
    await server.socket().opens()
    expect(server.socket().sent).toEqual([
      { op: 'auth', token: 'renewed' },
      { op: 'subscribe', topics: ['positions'] },
    ])
    server.socket().says({ topic: 'positions', data: { positions: [] } })
    expect(heard).toEqual([{ positions: [] }])
    expect(server.stream.status.get()).toBe('live')
    forget()
    vi.unstubAllGlobals()
  })

  it('takes a refused token for a lost connection, with a longer pause each time', async () => {
    server.answer = REFUSED
    const heard = watchPositions()
    await server.start()
    const pauses: number[] = []
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const refused = server.socket()
      await refused.opens()
      expect(refused.closed).toBe(true)
      expect(server.stream.status.get()).toBe('offline')
      pauses.push(await pause())
    }
    expect(pauses).toEqual([500, 1_000, 2_000])
    expect(server.distrusted).toHaveBeenCalledTimes(3)
    server.answer = { op: 'authenticated' }
    await server.socket().opens()
    server.socket().says({ topic: 'positions', data: 1 })
    expect(heard).toEqual([1])
    server.socket().drops()
    expect(await pause()).toBe(500)
  })

  it('is not shown as live by heartbeats while the token is on its way', async () => {
    server.token = () => new Promise(() => undefined)
    await server.start()
    await server.socket().opens()
    await vi.advanceTimersByTimeAsync(6_000)
    server.socket().says({ op: 'beat', at: 1 })
    expect(server.stream.status.get()).toBe('connecting')
    await vi.advanceTimersByTimeAsync(6_000)
    expect(server.stream.status.get()).toBe('stale')
    expect(server.sockets[0]?.closed).toBe(true)
  })

  it('may be nobody', async () => {
    server.token = () => Promise.resolve(null)
    server.stream.watch('indices', () => undefined)
    await server.start()
    await server.socket().opens()
    expect(server.socket().sent).toEqual([{ op: 'subscribe', topics: ['indices'] }])
    expect(server.stream.status.get()).toBe('live')
  })
})

describe('what was told before a connection ended', () => {
  it('gives way to answers that came since, until the topic is told again', async () => {
    await server.start()
    server.stream.watch('positions', () => undefined)
    await server.socket().opens()
    server.socket().says({ topic: 'positions', data: 'tick' })
    const during = Date.now() + 1
    expect(server.stream.peek('positions', during)).toBe('tick')
    await vi.advanceTimersByTimeAsync(100)
    server.socket().says({ op: 'beat', at: 1 })
    server.socket().drops()
    const since = Date.now() + 1
    expect(server.stream.peek('positions', during)).toBe('tick')
    expect(server.stream.peek('positions', since)).toBeUndefined()
    await vi.advanceTimersByTimeAsync(500)
    await server.socket().opens()
    expect(server.stream.peek('positions', since)).toBeUndefined()
    expect(server.stream.peek('positions')).toBe('tick')
    server.socket().says({ topic: 'positions', data: 'newer' })
    expect(server.stream.peek('positions', since)).toBe('newer')
  })
})

describe('a refused topic', () => {
  const CANDLES = 'candles:bybit:BTCUSDT:1m'
  const asked = () => server.socket().sent.filter(({ op }) => op === 'subscribe')
  const refuse = (more: object) =>
    server.socket().says({ op: 'error', about: CANDLES, detail: 'Too many bars.', ...more })

  beforeEach(async () => {
    await server.start()
    await server.socket().opens()
  })

  it('is asked for again when the server said it may be', async () => {
    server.stream.watch(CANDLES, () => undefined)
    await vi.advanceTimersByTimeAsync(1)
    refuse({ retry_after: 7 })
    await vi.advanceTimersByTimeAsync(6_900)
    expect(asked()).toHaveLength(1)
    server.socket().says({ op: 'beat', at: 1 })
    await vi.advanceTimersByTimeAsync(200)
    expect(asked()).toEqual(Array(2).fill({ op: 'subscribe', topics: [CANDLES] }))
  })

  it('is left alone when nobody wants it any more, or it will never be heard', async () => {
    const end = server.stream.watch(CANDLES, () => undefined)
    await vi.advanceTimersByTimeAsync(1)
    refuse({})
    refuse({ retry_after: 3 })
    end()
    await vi.advanceTimersByTimeAsync(4_000)
    server.stream.watch('nothing', () => undefined)
    await vi.advanceTimersByTimeAsync(1)
    refuse({ about: 'nothing' })
    await vi.advanceTimersByTimeAsync(4_000)
    expect(asked().map(({ topics }) => topics)).toEqual([[CANDLES], ['nothing']])
  })
})
