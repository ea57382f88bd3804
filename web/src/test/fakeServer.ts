import { afterEach, beforeEach, vi } from 'vitest'

import { Stream } from '@/api/stream'

/** A socket whose server says what a test has it say. */
class FakeSocket {
  readyState = 0
  sent: Record<string, unknown>[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  closed = false

  constructor(private readonly said: { answer: Record<string, unknown> }) {}

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
    if (this.sent.some(({ op }) => op === 'auth')) this.says(this.said.answer)
  }
  says(frame: unknown) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  drops(code = 1006) {
    this.readyState = 3
    this.onclose?.({ code })
  }
}

export interface FakeServer {
  stream: Stream
  /** To a token. */
  answer: Record<string, unknown>
  address: () => Promise<string>
  token: () => Promise<string | null>
  distrusted: ReturnType<typeof vi.fn>
  sockets: FakeSocket[]
  opened: string[]
  /** The newest. */
  socket: () => FakeSocket
  start: () => Promise<void>
}

/** A stream to a server that does nothing by itself, under fake timers. Everything is fresh for each test. */
export function fakeServer(): FakeServer {
  const server = {} as FakeServer
  beforeEach(() => {
    vi.useFakeTimers()
    Object.assign(server, fresh(server))
  })
  afterEach(() => {
    server.stream.stop()
    vi.useRealTimers()
  })
  return server
}

function fresh(server: FakeServer): FakeServer {
  const distrusted = vi.fn()
  return {
    stream: new Stream({
      url: () => server.address(),
      token: () => server.token(),
      distrusted,
      random: () => 1,
      open: (url) => {
        server.opened.push(url)
        const socket = new FakeSocket(server)
        server.sockets.push(socket)
        return socket as unknown as WebSocket
      },
    }),
    answer: { op: 'authenticated' },
    address: () => Promise.resolve('ws://localhost/api/stream'),
    token: () => Promise.resolve('the-token'),
    distrusted,
    sockets: [],
    opened: [],
    socket: () => server.sockets.at(-1) as FakeSocket,
    start: async () => {
      server.stream.start()
      await vi.advanceTimersByTimeAsync(0)
    },
  }
}
