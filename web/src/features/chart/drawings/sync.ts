/**
 * Brings drawings to the server. What is not there yet is kept on this device, so that neither a lost connection nor
 * a closed page loses it; the newest state of a series replaces the ones waiting before it. With it is kept what it was
 * made from, so that what another device deleted or added meanwhile is known as such.
 */
import { randomKey } from '@/lib/ids'
import { createStore } from '@/lib/store'

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
  /** What the server had of a series when it last said so. */
  private readonly bases = new Map<string, Kept>()
  private readonly listeners = new Map<string, Set<Listener>>()

  constructor(private readonly ports: SyncPorts = serverPorts) {}

  /** What waits here is newer than what the server has; a visitor's drawings only live here. */
  async load(series: string): Promise<Drawing[]> {
    const waiting = stored()[series]
    if (waiting || !this.ports.signedIn()) return readDrawings(waiting?.drawings)
    const kept = await this.ports.load(series)
    this.bases.set(series, kept)
    return [...kept.drawings]
  }

  /** Tells of drawings that others made on a series: another chart of the page, or another device. */
  watch(series: string, listener: Listener): () => void {
    const listeners = this.listeners.get(series) ?? new Set()
    this.listeners.set(series, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  /** `by`: who need not be told. */
  keep(series: string, drawings: readonly Drawing[], by?: Listener): void {
    const base = stored()[series]?.base ?? this.bases.get(series) ?? NOTHING
    store({ ...stored(), [series]: { drawings, key: randomKey(), base } })
    this.tell(series, drawings, by)
    if (!this.ports.signedIn()) return
    this.state.set('saving')
    this.attempt = 0
    this.soon(PAUSE)
  }

  /** Sends what waits, from an earlier visit too. */
  async flush(): Promise<void> {
    const [waiting] = Object.entries(stored())
    if (!waiting || this.sending || !this.ports.signedIn()) return
    const [series, { drawings, key, base }] = waiting
    this.sending = true
    try {
      this.settle(series, key, drawings, await this.ports.save(series, drawings, base ?? NOTHING, key))
      this.attempt = 0
      const more = Object.keys(stored()).length > 0
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
  private settle(series: string, key: string, sent: readonly Drawing[], kept: Kept): void {
    this.bases.set(series, kept)
    const { [series]: now, ...others } = stored()
    if (!now || now.key === key) {
      store(others)
      if (kept.drawings !== sent) this.tell(series, kept.drawings)
      return
    }
    const drawings = merged(sent, now.drawings, kept.drawings)
    store({ ...others, [series]: { drawings, key: now.key, base: kept } })
    if (kept.drawings !== sent) this.tell(series, drawings)
  }

  private tell(series: string, drawings: readonly Drawing[], by?: Listener): void {
    for (const listener of this.listeners.get(series) ?? []) if (listener !== by) listener(drawings)
  }

  private soon(delay: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.flush(), delay)
  }
}

function stored(): Record<string, Waiting> {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {}) as Record<string, Waiting>
  } catch {
    return {}
  }
}

function store(waiting: Record<string, Waiting>): void {
  localStorage.setItem(KEY, JSON.stringify(waiting))
}

export const drawingSync = new DrawingSync()
