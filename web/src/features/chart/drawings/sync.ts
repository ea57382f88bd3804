/**
 * Brings drawings to the server. What is not there yet is kept on this device, so that neither a lost connection nor
 * a closed page loses it; the newest state of a series replaces the ones waiting before it.
 */
import { session } from '@/api/session'
import { createStore } from '@/lib/store'

import { get, put } from '../data/api'
import type { Drawing } from './model'
import { readDrawings } from './model'

export type SyncState = 'saved' | 'saving' | 'unsaved'

const KEY = 'holdfast.drawings'
const PAUSE = 600
const FIRST_RETRY = 2_000
const LONGEST_RETRY = 60_000

const PATH = '/api/charts/drawings'

export interface SyncPorts {
  load: (series: string) => Promise<unknown>
  save: (series: string, drawings: readonly Drawing[]) => Promise<void>
  signedIn: () => boolean
}

const serverPorts: SyncPorts = {
  load: async (series) => (await (await get(PATH, { series })).json()) as unknown,
  save: async (series, drawings) => void (await put(`${PATH}?series=${encodeURIComponent(series)}`, { drawings })),
  signedIn: () => session.get().status === 'in',
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
    if (waiting || !this.ports.signedIn()) return readDrawings(waiting)
    const answer = await this.ports.load(series)
    return readDrawings((answer as { drawings?: unknown } | null)?.drawings ?? answer)
  }

  keep(series: string, drawings: readonly Drawing[]): void {
    store({ ...stored(), [series]: drawings })
    if (!this.ports.signedIn()) return
    this.state.set('saving')
    this.attempt = 0
    this.soon(PAUSE)
  }

  /** Sends what waits, from an earlier visit too. */
  async flush(): Promise<void> {
    const [waiting] = Object.entries(stored())
    if (!waiting || this.sending || !this.ports.signedIn()) return
    const [series, drawings] = waiting
    this.sending = true
    try {
      await this.ports.save(series, drawings)
      const { [series]: now, ...others } = stored()
      if (JSON.stringify(now) === JSON.stringify(drawings)) store(others)
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

function stored(): Record<string, readonly Drawing[]> {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {}) as Record<string, readonly Drawing[]>
  } catch {
    return {}
  }
}

function store(waiting: Record<string, readonly Drawing[]>): void {
  localStorage.setItem(KEY, JSON.stringify(waiting))
}

export const drawingSync = new DrawingSync()
