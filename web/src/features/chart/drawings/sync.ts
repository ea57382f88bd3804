/**
 * Brings drawings to the server. What is not there yet is kept on this device, so that neither a lost connection nor
 * a closed page loses it; the newest state of a series replaces the ones waiting before it. With it is kept what it was
 * made from, so that what another device deleted or added meanwhile is known as such.
 */
import { randomKey } from '@/lib/ids'
import { createStore } from '@/lib/store'

import { keyOf } from '../userStorage'
import type { Drawing } from './model'
import { readDrawings } from './model'
import { merged } from './merge'
import type { Kept, SyncPorts } from './server'
import { serverPorts } from './server'

export type SyncState = 'saved' | 'saving' | 'unsaved'

const KEY = 'holdfast.drawings'
const PAUSE = 600
const FIRST_RETRY = 2_000
const LONGEST_RETRY = 60_000

/** `base`: what the server had when `drawings` were made from it. */
interface Waiting {
  drawings: readonly Drawing[]
  key: string
  base: Kept
}

type Listener = (drawings: readonly Drawing[]) => void

const NOTHING: Kept = { version: 0, drawings: [] }

export class DrawingSync {
  readonly state = createStore<SyncState>('saved')
  private timer: ReturnType<typeof setTimeout> | undefined
  private attempt = 0
  private sending = false
  /** What the server had of a user's series when it last said so. */
  private readonly bases = new Map<string, Kept>()
  private readonly listeners = new Map<string, Set<Listener>>()

  constructor(private readonly ports: SyncPorts = serverPorts) {}

  /** What waits here is newer than what the server has; a visitor's drawings only live here. */
  async load(series: string): Promise<Drawing[]> {
    const user = this.ports.user()
    const waiting = stored(user)[series]
    if (waiting || !user) return readDrawings(waiting?.drawings)
    this.bases.delete(baseKey(user, series))
    const loaded = await this.ports.load(series)
    if (this.ports.user() !== user) return []
    const settled = this.bases.get(baseKey(user, series))
    const kept = settled && settled.version > loaded.version ? settled : loaded
    this.bases.set(baseKey(user, series), kept)
    return this.withDrawnMeanwhile(user, series, kept)
  }

  /** Tells of drawings that others made on a series: another chart of the page, or another device. */
  watch(series: string, listener: Listener): () => void {
    const listeners = this.listeners.get(series) ?? new Set()
    this.listeners.set(series, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  /** `by`: who need not be told. */
  keep(series: string, drawings: readonly Drawing[], by?: Listener): void {
    const user = this.ports.user()
    const base = stored(user)[series]?.base ?? this.bases.get(baseKey(user, series)) ?? NOTHING
    store(user, { ...stored(user), [series]: { drawings, key: randomKey(), base } })
    this.tell(series, drawings, by)
    if (!user) return
    this.state.set('saving')
    this.attempt = 0
    this.soon(PAUSE)
  }

  /** Sends what waits, from an earlier visit too. */
  async flush(): Promise<void> {
    if (this.sending) return
    const user = this.ports.user()
    const [waiting] = user ? Object.entries(stored(user)) : []
    if (!waiting) {
      this.state.set('saved')
      return
    }
    const [series, { drawings, key, base }] = waiting
    this.sending = true
    try {
      this.settle(user, series, key, drawings, await this.ports.save(series, drawings, base ?? NOTHING, key))
      this.attempt = 0
      const more = Object.keys(stored(this.ports.user())).length > 0
      this.state.set(more ? 'saving' : 'saved')
      if (more) this.soon(0)
    } catch {
      this.state.set('unsaved')
      this.soon(Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** this.attempt))
      this.attempt += 1
    } finally {
      this.sending = false
    }
  }

  /** The server has `kept`, made of `sent`; what was drawn meanwhile is put on top of it. */
  private settle(user: string, series: string, key: string, sent: readonly Drawing[], kept: Kept): void {
    this.bases.set(baseKey(user, series), kept)
    const { [series]: now, ...others } = stored(user)
    const isNewest = !now || now.key === key
    const drawings = isNewest ? kept.drawings : merged(sent, now.drawings, kept.drawings)
    store(user, isNewest ? others : { ...others, [series]: { drawings, key: now.key, base: kept } })
    if (kept.drawings !== sent && this.ports.user() === user) this.tell(series, drawings)
  }

  /** What the server has, and what was drawn before it had said so. */
  private withDrawnMeanwhile(user: string, series: string, kept: Kept): Drawing[] {
    const { [series]: now, ...others } = stored(user)
    if (!now) return [...kept.drawings]
    const drawings = merged(now.base.drawings, readDrawings(now.drawings), kept.drawings)
    store(user, { ...others, [series]: { drawings, key: randomKey(), base: kept } })
    return drawings
  }

  private tell(series: string, drawings: readonly Drawing[], by?: Listener): void {
    for (const listener of this.listeners.get(series) ?? []) if (listener !== by) listener(drawings)
  }

  private soon(delay: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.flush(), delay)
  }
}

const baseKey = (user: string, series: string) => `${user} ${series}`

function stored(user: string): Record<string, Waiting> {
  try {
    return (JSON.parse(localStorage.getItem(keyOf(KEY, user)) ?? '{}') ?? {}) as Record<string, Waiting>
  } catch {
    return {}
  }
}

function store(user: string, waiting: Record<string, Waiting>): void {
  localStorage.setItem(keyOf(KEY, user), JSON.stringify(waiting))
}

export const drawingSync = new DrawingSync()
