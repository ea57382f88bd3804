/** Shows a history as it came: bars after a moment are held back and let in one by one. */
import { createStore } from '@/lib/store'

import type { Feed } from '../data/feed'

export const SPEEDS = [1, 2, 5, 10, 20] as const

export interface ReplayState {
  active: boolean
  playing: boolean
  /** Bars a second. */
  speed: number
  /** Nothing is left to be let in. */
  ended: boolean
}

export interface ReplayPorts {
  /** Draws the bars that may be seen: `from` is the first that changed, or null for all anew. */
  draw: (from: number | null) => void
  /** Opens the bars around a moment. */
  open: (time: number) => void
}

/** Bars are asked for while this many are left. */
const AHEAD = 200

export class Replay {
  readonly state = createStore<ReplayState>({ active: false, playing: false, speed: 2, ended: false })
  /** How many bars may be seen. */
  limit = Infinity
  private pending: number | null = null
  private timer: ReturnType<typeof setInterval> | undefined

  constructor(
    private readonly feed: Feed,
    private readonly ports: ReplayPorts,
  ) {}

  /** Begins after the bar at an index of the window. */
  start(index: number): void {
    this.feed.setLive(false)
    this.limit = Math.max(1, Math.min(this.feed.window.length, index + 1))
    this.update({ active: true, playing: false, ended: false })
    this.ports.draw(null)
  }

  /** Begins at a moment, wherever in history it lies. */
  startAt(time: number): void {
    this.pause()
    this.pending = time
    this.ports.open(time)
  }

  step(by: 1 | -1 = 1): void {
    const { window, state } = this.feed
    if (!this.state.get().active) return
    const next = Math.max(1, Math.min(window.length, this.limit + by))
    const stuck = next === this.limit
    this.limit = next
    if (window.length - next < AHEAD) void this.feed.loadNewer()
    if (stuck && by > 0 && !state.get().newer) {
      this.pause()
      this.update({ ended: true })
    } else if (!stuck) {
      this.update({ ended: false })
      this.ports.draw(by > 0 ? next - 1 : null)
    }
  }

  play(): void {
    clearInterval(this.timer)
    this.timer = setInterval(() => this.step(), 1000 / this.state.get().speed)
    this.update({ playing: true })
  }

  pause(): void {
    clearInterval(this.timer)
    this.update({ playing: false })
  }

  setSpeed(speed: number): void {
    this.update({ speed })
    if (this.state.get().playing) this.play()
  }

  leave(): void {
    this.end()
    this.feed.setLive(true)
    this.ports.draw(null)
  }

  /** The window holds other bars: a replay that asked for them begins, any other is over. */
  onReplaced(): void {
    if (this.pending === null) {
      this.end()
      return
    }
    this.limit = Math.max(1, this.feed.window.lowerBound(this.pending + 1))
    this.pending = null
    this.update({ active: true, ended: false })
    this.feed.setLive(false)
  }

  /** Bars kept moved by `shift` places. */
  onShift(shift: number): void {
    this.limit += shift
  }

  end(): void {
    clearInterval(this.timer)
    this.limit = Infinity
    this.update({ active: false, playing: false, ended: false })
  }

  private update(change: Partial<ReplayState>): void {
    this.state.set({ ...this.state.get(), ...change })
  }
}
