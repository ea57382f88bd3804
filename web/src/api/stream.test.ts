import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { Stream } from './stream'

class FakeSocket {
  readyState = 0
  sent: Record<string, unknown>[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  closed = false

  send(text: string) {
    this.sent.push(JSON.parse(text) as Record<string, unknown>)
  }
  close() {
    this.closed = true
    this.readyState = 3
  }
  async opens() {
    this.readyState = 1
    this.onopen?.()
    await vi.advanceTimersByTimeAsync(0)
    this.says({ op: 'ready' })
  }
  says(frame: unknown) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  drops(code = 1006) {
    this.readyState = 3
    this.onclose?.({ code })
  }
}

let sockets: FakeSocket[]
let stream: Stream
const distrusted = vi.fn()

const socket = () => sockets.at(-1) as FakeSocket

beforeEach(() => {
  vi.useFakeTimers()
  sockets = []
  stream = new Stream({
    url: 'ws://localhost/api/stream',
    token: () => Promise.resolve('the-token'),
    distrusted,
    random: () => 1,
    open: () => {
      const fake = new FakeSocket()
      sockets.push(fake)
      return fake as unknown as WebSocket
    },
  })
})

afterEach(() => {
  stream.stop()
  vi.useRealTimers()
})

describe('subscribing', () => {
  it('signs in first, then asks once for what many watch', async () => {
    stream.start()
    stream.watch('indices', () => undefined)
    stream.watch('indices', () => undefined)
    stream.watch('positions', () => undefined)
    await socket().opens()
    vi.advanceTimersByTime(1)
    expect(socket().sent).toEqual([
      { op: 'auth', token: 'the-token' },
      { op: 'subscribe', topics: ['indices', 'positions'] },
    ])
  })

  it('leaves a topic when the last watcher goes, not when it comes straight back', async () => {
    stream.start()
    await socket().opens()
    const first = stream.watch('indices', () => undefined)
    vi.advanceTimersByTime(1)
    first()
    const second = stream.watch('indices', () => undefined)
    vi.advanceTimersByTime(1)
    expect(socket().sent.filter((each) => each['op'] === 'unsubscribe')).toEqual([])
    second()
    vi.advanceTimersByTime(1)
    expect(socket().sent.at(-1)).toEqual({ op: 'unsubscribe', topics: ['indices'] })
    expect(stream.peek('indices')).toBeUndefined()
  })

  it('hands the newest data to watchers and to whoever looks later', async () => {
    const heard: unknown[] = []
    stream.start()
    stream.watch('indices', (data) => heard.push(data))
    await socket().opens()
    socket().says({ topic: 'indices', data: [1] })
    socket().says({ topic: 'indices', data: [2] })
    expect(heard).toEqual([[1], [2]])
    expect(stream.peek('indices')).toEqual([2])
  })
})

describe('healing', () => {
  it('says offline after a drop, comes back later and later, and subscribes again', async () => {
    stream.start()
    stream.watch('indices', () => undefined)
    await socket().opens()
    expect(stream.status.get()).toBe('live')
    socket().drops()
    expect(stream.status.get()).toBe('offline')
    vi.advanceTimersByTime(499)
    expect(sockets).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(sockets).toHaveLength(2)
    socket().drops()
    vi.advanceTimersByTime(999)
    expect(sockets).toHaveLength(2)
    vi.advanceTimersByTime(1)
    expect(sockets).toHaveLength(3)
    await socket().opens()
    expect(stream.status.get()).toBe('live')
    expect(socket().sent).toContainEqual({ op: 'subscribe', topics: ['indices'] })
  })

  it('counts silence as a drop, keeps the old values and says that they are old', async () => {
    stream.start()
    stream.watch('indices', () => undefined)
    await socket().opens()
    socket().says({ topic: 'indices', data: [1] })
    vi.advanceTimersByTime(11_999)
    expect(stream.status.get()).toBe('live')
    vi.advanceTimersByTime(1)
    expect(stream.status.get()).toBe('stale')
    expect(sockets[0]?.closed).toBe(true)
    expect(stream.peek('indices')).toEqual([1])
  })

  it('has the token renewed when the server says that the sign-in has ended', async () => {
    stream.start()
    await socket().opens()
    socket().drops(4401)
    expect(distrusted).toHaveBeenCalledOnce()
    vi.advanceTimersByTime(500)
    expect(sockets).toHaveLength(2)
  })

  it('does not wait for silence when the network is gone', async () => {
    stream.start()
    await socket().opens()
    stream.lose()
    expect(stream.status.get()).toBe('offline')
    vi.advanceTimersByTime(500)
    await socket().opens()
    expect(stream.status.get()).toBe('live')
  })

  it('is kept awake by heartbeats', async () => {
    stream.start()
    await socket().opens()
    for (let beat = 0; beat < 6; beat += 1) {
      vi.advanceTimersByTime(5_000)
      socket().says({ op: 'beat', at: beat })
    }
    expect(stream.status.get()).toBe('live')
    expect(sockets).toHaveLength(1)
  })

  it('never comes back after it was stopped', async () => {
    stream.start()
    await socket().opens()
    stream.stop()
    vi.advanceTimersByTime(60_000)
    expect(sockets).toHaveLength(1)
  })
})
