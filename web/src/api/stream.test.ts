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
let opened: string[]
let stream: Stream
let address: () => Promise<string>
const distrusted = vi.fn()

const socket = () => sockets.at(-1) as FakeSocket
const start = async () => {
  stream.start()
  await vi.advanceTimersByTimeAsync(0)
}

beforeEach(() => {
  vi.useFakeTimers()
  sockets = []
  opened = []
  address = () => Promise.resolve('ws://localhost/api/stream')
  stream = new Stream({
    url: () => address(),
    token: () => Promise.resolve('the-token'),
    distrusted,
    random: () => 1,
    open: (url) => {
      opened.push(url)
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
    await start()
    stream.watch('indices', () => undefined)
    stream.watch('indices', () => undefined)
    stream.watch('positions', () => undefined)
    await socket().opens()
    await vi.advanceTimersByTimeAsync(1)
    expect(socket().sent).toEqual([
      { op: 'auth', token: 'the-token' },
      { op: 'subscribe', topics: ['indices', 'positions'] },
    ])
  })

  it('leaves a topic when the last watcher goes, not when it comes straight back', async () => {
    await start()
    await socket().opens()
    const first = stream.watch('indices', () => undefined)
    await vi.advanceTimersByTimeAsync(1)
    first()
    const second = stream.watch('indices', () => undefined)
    await vi.advanceTimersByTimeAsync(1)
    expect(socket().sent.filter((each) => each['op'] === 'unsubscribe')).toEqual([])
    second()
    await vi.advanceTimersByTimeAsync(1)
    expect(socket().sent.at(-1)).toEqual({ op: 'unsubscribe', topics: ['indices'] })
    expect(stream.peek('indices')).toBeUndefined()
  })

  it('hands the newest data to watchers and to whoever looks later', async () => {
    const heard: unknown[] = []
    await start()
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
    await start()
    stream.watch('indices', () => undefined)
    await socket().opens()
    expect(stream.status.get()).toBe('live')
    socket().drops()
    expect(stream.status.get()).toBe('offline')
    await vi.advanceTimersByTimeAsync(499)
    expect(sockets).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(sockets).toHaveLength(2)
    socket().drops()
    await vi.advanceTimersByTimeAsync(999)
    expect(sockets).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(1)
    expect(sockets).toHaveLength(3)
    await socket().opens()
    expect(stream.status.get()).toBe('live')
    expect(socket().sent).toContainEqual({ op: 'subscribe', topics: ['indices'] })
  })

  it('counts silence as a drop, keeps the old values and says that they are old', async () => {
    await start()
    stream.watch('indices', () => undefined)
    await socket().opens()
    socket().says({ topic: 'indices', data: [1] })
    await vi.advanceTimersByTimeAsync(11_999)
    expect(stream.status.get()).toBe('live')
    await vi.advanceTimersByTimeAsync(1)
    expect(stream.status.get()).toBe('stale')
    expect(sockets[0]?.closed).toBe(true)
    expect(stream.peek('indices')).toEqual([1])
  })

  it('has the token renewed when the server says that the sign-in has ended', async () => {
    await start()
    await socket().opens()
    socket().drops(4401)
    expect(distrusted).toHaveBeenCalledOnce()
    await vi.advanceTimersByTimeAsync(500)
    expect(sockets).toHaveLength(2)
  })

  it('does not wait for silence when the network is gone', async () => {
    await start()
    await socket().opens()
    stream.lose()
    expect(stream.status.get()).toBe('offline')
    await vi.advanceTimersByTimeAsync(500)
    await socket().opens()
    expect(stream.status.get()).toBe('live')
  })

  it('is kept awake by heartbeats', async () => {
    await start()
    await socket().opens()
    for (let beat = 0; beat < 6; beat += 1) {
      await vi.advanceTimersByTimeAsync(5_000)
      socket().says({ op: 'beat', at: beat })
    }
    expect(stream.status.get()).toBe('live')
    expect(sockets).toHaveLength(1)
  })

  it('never comes back after it was stopped', async () => {
    await start()
    await socket().opens()
    stream.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(sockets).toHaveLength(1)
  })
})

describe('the address', () => {
  it('is asked for before every attempt, so that pages follow the stream to another place', async () => {
    await start()
    await socket().opens()
    address = () => Promise.resolve('ws://localhost:8422/api/stream')
    socket().drops()
    await vi.advanceTimersByTimeAsync(500)
    expect(opened).toEqual(['ws://localhost/api/stream', 'ws://localhost:8422/api/stream'])
  })

  it('is asked for again when nobody knows it', async () => {
    address = () => Promise.reject(new Error('away'))
    await start()
    expect(stream.status.get()).toBe('offline')
    address = () => Promise.resolve('ws://localhost/api/stream')
    await vi.advanceTimersByTimeAsync(500)
    await socket().opens()
    expect(stream.status.get()).toBe('live')
  })

  it('is given up when it takes too long, and not used when it comes at last', async () => {
    let tell: (url: string) => void = () => undefined
    address = () => new Promise((resolve) => (tell = resolve))
    await start()
    await vi.advanceTimersByTimeAsync(12_000)
    expect(stream.status.get()).toBe('stale')
    tell('ws://localhost/api/stream')
    await vi.advanceTimersByTimeAsync(0)
    expect(opened).toEqual([])
  })

  it('is not used after the stream was stopped', async () => {
    stream.start()
    stream.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(opened).toEqual([])
  })
})
