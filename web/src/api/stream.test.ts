import { describe, expect, it, vi } from 'vitest'

import { fakeServer } from '@/test/fakeServer'

const server = fakeServer()

describe('subscribing', () => {
  it('signs in first, then asks once for what many watch', async () => {
    await server.start()
    server.stream.watch('indices', () => undefined)
    server.stream.watch('indices', () => undefined)
    server.stream.watch('positions', () => undefined)
    await server.socket().opens()
    await vi.advanceTimersByTimeAsync(1)
    expect(server.socket().sent).toEqual([
      { op: 'auth', token: 'the-token' },
      { op: 'subscribe', topics: ['indices', 'positions'] },
    ])
  })

  it('leaves a topic when the last watcher goes, not when it comes straight back', async () => {
    await server.start()
    await server.socket().opens()
    const first = server.stream.watch('indices', () => undefined)
    await vi.advanceTimersByTimeAsync(1)
    first()
    const second = server.stream.watch('indices', () => undefined)
    await vi.advanceTimersByTimeAsync(1)
    expect(server.socket().sent.filter((each) => each['op'] === 'unsubscribe')).toEqual([])
    second()
    await vi.advanceTimersByTimeAsync(1)
    expect(server.socket().sent.at(-1)).toEqual({ op: 'unsubscribe', topics: ['indices'] })
    expect(server.stream.peek('indices')).toBeUndefined()
  })

  it('hands the newest data to watchers and to whoever looks later', async () => {
    const heard: unknown[] = []
    await server.start()
    server.stream.watch('indices', (data) => heard.push(data))
    await server.socket().opens()
    server.socket().says({ topic: 'indices', data: [1] })
    server.socket().says({ topic: 'indices', data: [2] })
    expect(heard).toEqual([[1], [2]])
    expect(server.stream.peek('indices')).toEqual([2])
  })
})

describe('healing', () => {
  it('says offline after a drop, comes back later and later, and subscribes again', async () => {
    await server.start()
    server.stream.watch('indices', () => undefined)
    await server.socket().opens()
    expect(server.stream.status.get()).toBe('live')
    server.socket().drops()
    expect(server.stream.status.get()).toBe('offline')
    await vi.advanceTimersByTimeAsync(499)
    expect(server.sockets).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(server.sockets).toHaveLength(2)
    server.socket().drops()
    await vi.advanceTimersByTimeAsync(999)
    expect(server.sockets).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(1)
    expect(server.sockets).toHaveLength(3)
    await server.socket().opens()
    expect(server.stream.status.get()).toBe('live')
    expect(server.socket().sent).toContainEqual({ op: 'subscribe', topics: ['indices'] })
  })

  it('counts silence as a drop, keeps the old values and says that they are old', async () => {
    await server.start()
    server.stream.watch('indices', () => undefined)
    await server.socket().opens()
    server.socket().says({ topic: 'indices', data: [1] })
    await vi.advanceTimersByTimeAsync(11_999)
    expect(server.stream.status.get()).toBe('live')
    await vi.advanceTimersByTimeAsync(1)
    expect(server.stream.status.get()).toBe('stale')
    expect(server.sockets[0]?.closed).toBe(true)
    expect(server.stream.peek('indices')).toEqual([1])
  })

  it('has the token renewed when the server says that the sign-in has ended', async () => {
    await server.start()
    await server.socket().opens()
    server.socket().drops(4401)
    expect(server.distrusted).toHaveBeenCalledOnce()
    await vi.advanceTimersByTimeAsync(500)
    expect(server.sockets).toHaveLength(2)
  })

  it('does not wait for silence when the network is gone', async () => {
    await server.start()
    await server.socket().opens()
    server.stream.lose()
    expect(server.stream.status.get()).toBe('offline')
    await vi.advanceTimersByTimeAsync(500)
    await server.socket().opens()
    expect(server.stream.status.get()).toBe('live')
  })

  it('is kept awake by heartbeats', async () => {
    await server.start()
    await server.socket().opens()
    for (let beat = 0; beat < 6; beat += 1) {
      await vi.advanceTimersByTimeAsync(5_000)
      server.socket().says({ op: 'beat', at: beat })
    }
    expect(server.stream.status.get()).toBe('live')
    expect(server.sockets).toHaveLength(1)
  })

  it('never comes back after it was stopped', async () => {
    await server.start()
    await server.socket().opens()
    server.stream.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(server.sockets).toHaveLength(1)
  })
})

describe('the address', () => {
  it('is asked for before every attempt, so that pages follow the stream to another place', async () => {
    await server.start()
    await server.socket().opens()
    server.address = () => Promise.resolve('ws://localhost:8422/api/stream')
    server.socket().drops()
    await vi.advanceTimersByTimeAsync(500)
    expect(server.opened).toEqual(['ws://localhost/api/stream', 'ws://localhost:8422/api/stream'])
  })

  it('is asked for again when nobody knows it', async () => {
    server.address = () => Promise.reject(new Error('away'))
    await server.start()
    expect(server.stream.status.get()).toBe('offline')
    server.address = () => Promise.resolve('ws://localhost/api/stream')
    await vi.advanceTimersByTimeAsync(500)
    await server.socket().opens()
    expect(server.stream.status.get()).toBe('live')
  })

  it('is given up when it takes too long, and not used when it comes at last', async () => {
    let tell: (url: string) => void = () => undefined
    server.address = () => new Promise((resolve) => (tell = resolve))
    await server.start()
    await vi.advanceTimersByTimeAsync(12_000)
    expect(server.stream.status.get()).toBe('stale')
    tell('ws://localhost/api/stream')
    await vi.advanceTimersByTimeAsync(0)
    expect(server.opened).toEqual([])
  })

  it('is not used after the stream was stopped', async () => {
    server.stream.start()
    server.stream.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(server.opened).toEqual([])
  })
})
