/**
 * One WebSocket for everything live. Topics are subscribed while something watches them; the latest data of
 * each topic is kept outside React. After a drop the page says so, reconnects with jittered backoff,
 * subscribes again and gets a snapshot of every topic. Who is signed in listens as themselves or not at all.
 */
import { createStore } from '@/lib/store'

export type StreamStatus = 'connecting' | 'live' | 'stale' | 'offline'

/** Nothing, not even a heartbeat (every 5 s), for this long: what is shown may be old. */
const SILENCE = 12_000
const FIRST_RETRY = 500
const LONGEST_RETRY = 15_000
/** The server's close code for a sign-in that has ended. */
const SIGNED_OUT = 4401
/** The code of its error for a token that does not hold. */
const NOT_SIGNED_IN = 'not-signed-in'
/** `WebSocket.OPEN`. */
const OPEN = 1

interface Frame {
  op?: string
  topic?: string
  data?: unknown
  code?: string
  /** The topic an error speaks of. */
  about?: string
  /** Seconds after which it may be asked for again. */
  retry_after?: number
}

export interface StreamOptions {
  /** Where to connect, asked before every attempt. */
  url: () => Promise<string>
  /** A token to sign in with, or null to hear public topics only; while it cannot be had nothing is heard. */
  token: () => Promise<string | null>
  /** Told when the server says that the token does not hold. */
  distrusted?: () => void
  open?: (url: string) => WebSocket
  random?: () => number
}

export class Stream {
  readonly status = createStore<StreamStatus>('connecting')
  private readonly latest = new Map<string, unknown>()
  /** Of topics whose latest data is from a connection that ended: until when they were told. */
  private readonly lost = new Map<string, number>()
  private heardAt = 0
  private readonly watchers = new Map<string, Set<(data: unknown) => void>>()
  private socket: WebSocket | null = null
  /** Counts attempts: an address that comes too late belongs to none. */
  private turn = 0
  private attempt = 0
  private retry: ReturnType<typeof setTimeout> | undefined
  private silence: ReturnType<typeof setTimeout> | undefined
  private settling: ReturnType<typeof setTimeout> | undefined
  private readonly subscribed = new Set<string>()
  private greeted = false
  /** The server has taken our token, or we have none: what it says counts. */
  private known = false
  private running = false

  constructor(private readonly options: StreamOptions) {}

  /** Opens, or opens anew (after signing in or out): everything received so far is forgotten. */
  start(): void {
    this.running = true
    this.status.set('connecting')
    this.attempt = 0
    this.forget()
    this.connect()
  }

  stop(): void {
    this.running = false
    this.drop()
    this.forget()
  }

  /** The machine says that it has no network: no need to wait for silence. */
  lose(): void {
    if (this.socket) this.fail()
  }

  /** Tries again now instead of waiting out the pause. */
  retryNow(): void {
    if (this.running && this.status.get() !== 'live') this.connect()
  }

  /** The last data of a topic, if any has arrived and no answer of `answeredAt` (ms) is newer: one that came
   * after the stream had ended. */
  peek(topic: string, answeredAt = 0): unknown {
    return (this.lost.get(topic) ?? Infinity) < answeredAt ? undefined : this.latest.get(topic)
  }

  /** Watches a topic until the returned function is called. */
  watch(topic: string, watcher: (data: unknown) => void): () => void {
    const watchers = this.watchers.get(topic) ?? new Set()
    watchers.add(watcher)
    this.watchers.set(topic, watchers)
    this.settleSoon()
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.watchers.get(topic) === watchers) this.watchers.delete(topic)
      this.settleSoon()
    }
  }

  /** Many components come and go at once: what they want is told to the server in one message. */
  private settleSoon(): void {
    this.settling ??= setTimeout(() => {
      this.settling = undefined
      this.settle()
    })
  }

  private settle(): void {
    if (this.socket?.readyState !== OPEN || !this.greeted) return
    const wanted = [...this.watchers.keys()].filter((topic) => !this.subscribed.has(topic))
    const unwanted = [...this.subscribed].filter((topic) => !this.watchers.has(topic))
    if (wanted.length > 0) this.send({ op: 'subscribe', topics: wanted })
    if (unwanted.length > 0) this.send({ op: 'unsubscribe', topics: unwanted })
    for (const topic of wanted) this.subscribed.add(topic)
    for (const topic of unwanted) {
      this.subscribed.delete(topic)
      this.latest.delete(topic)
      this.lost.delete(topic)
    }
  }

  private connect(): void {
    this.drop()
    this.listenForSilence()
    const turn = this.turn
    this.options.url().then(
      (url) => turn === this.turn && this.open(url),
      () => turn === this.turn && this.fail(),
    )
  }

  private open(url: string): void {
    const open = this.options.open ?? ((address: string) => new WebSocket(address))
    const socket = open(url)
    this.socket = socket
    this.subscribed.clear()
    this.greeted = this.known = false
    socket.onopen = () => void this.greet(socket)
    socket.onmessage = (event) => this.receive(String(event.data))
    socket.onclose = (event) => {
      if (event.code === SIGNED_OUT) this.options.distrusted?.()
      if (socket === this.socket) this.fail()
    }
  }

  private async greet(socket: WebSocket): Promise<void> {
    const token = await this.options.token().catch(() => undefined)
    if (socket !== this.socket) return
    if (token === undefined) return this.fail()
    this.greeted = true
    this.known = token === null
    if (token) this.send({ op: 'auth', token })
    this.settle()
  }

  private receive(text: string): void {
    const frame = JSON.parse(text) as Frame
    if (frame.op === 'error' && frame.code === NOT_SIGNED_IN) return this.refuse()
    if (frame.op === 'authenticated') this.known = true
    if (!this.known) return
    if (frame.op !== 'ready') this.attempt = 0
    this.heardAt = Date.now()
    this.status.set('live')
    this.listenForSilence()
    if (frame.topic !== undefined) this.hear(frame.topic, frame.data)
    if (frame.about !== undefined && frame.retry_after) this.askAgain(frame.about, frame.retry_after)
  }

  private hear(topic: string, data: unknown): void {
    this.latest.set(topic, data)
    this.lost.delete(topic)
    for (const watcher of [...(this.watchers.get(topic) ?? [])]) watcher(data)
  }

  /** Rather no stream than one that leaves out what is the user's own. */
  private refuse(): void {
    this.options.distrusted?.()
    this.fail()
  }

  private askAgain(topic: string, seconds: number): void {
    const socket = this.socket
    setTimeout(() => {
      if (socket === this.socket && this.subscribed.delete(topic)) this.settleSoon()
    }, seconds * 1000)
  }

  private listenForSilence(): void {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => this.fail('stale'), SILENCE)
  }

  private fail(status: StreamStatus = 'offline'): void {
    this.drop()
    if (!this.running) return
    if (this.status.get() !== 'stale') this.status.set(status)
    const ceiling = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** this.attempt)
    this.attempt += 1
    const jitter = (this.options.random ?? Math.random)()
    this.retry = setTimeout(() => this.connect(), ceiling / 2 + (jitter * ceiling) / 2)
  }

  private forget(): void {
    this.latest.clear()
    this.lost.clear()
  }

  private drop(): void {
    clearTimeout(this.retry)
    clearTimeout(this.silence)
    this.turn += 1
    for (const topic of this.latest.keys()) if (!this.lost.has(topic)) this.lost.set(topic, this.heardAt)
    const socket = this.socket
    this.socket = null
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close()
  }

  private send(message: Record<string, unknown>): void {
    if (this.socket?.readyState === OPEN) this.socket.send(JSON.stringify(message))
  }
}
