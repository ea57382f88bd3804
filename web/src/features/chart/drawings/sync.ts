/**
 * Brings drawings to the server. What is not there yet is kept on this device, so that neither a lost connection nor
 * a closed page loses it; the newest state of a series replaces the ones waiting before it.
 */
import { randomKey } from '@/lib/ids'
import { createStore } from '@/lib/store'

import type { Drawing } from './model'
import { readDrawings } from './model'
import type { SyncPorts } from './server'
import { serverPorts } from './server'

export type SyncState = 'saved' | 'saving' | 'unsaved'

const KEY = 'holdfast.drawings'
const PAUSE = 600
const FIRST_RETRY = 2_000
const LONGEST_RETRY = 60_000

interface Waiting {
  drawings: readonly Drawing[]
  key: string
}

export class DrawingSync {
  readonly state = createStore<SyncState>('saved')
  private timer: ReturnType<typeof setTimeout> | undefined
  private attempt = 0
  private sending = false

  constructor(private readonly ports: SyncPorts = serverPorts) {}

  /** What waits here is newer than what the server has; a visitor's drawings only live here. */
  async load(series: string): Promise<Drawing[]> {
    const waiting = stored()[series]
    if (waiting || !this.ports.signedIn()) return readDrawings(waiting?.drawings)
    return this.ports.load(series)
  }

  keep(series: string, drawings: readonly Drawing[]): void {
    store({ ...stored(), [series]: { drawings, key: randomKey() } })
    if (!this.ports.signedIn()) return
    this.state.set('saving')
    this.attempt = 0
    this.soon(PAUSE)
  }

  /** Sends what waits, from an earlier visit too. */
  async flush(): Promise<void> {
    const [waiting] = Object.entries(stored())
    if (!waiting || this.sending || !this.ports.signedIn()) return
    const [series, { drawings, key }] = waiting
    this.sending = true
    try {
      await this.ports.save(series, drawings, key)
      const { [series]: now, ...others } = stored()
      if (now?.key === key) store(others)
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
