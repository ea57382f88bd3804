/** Shows a history as it came: bars after a moment are held back and let in one by one. */
import { createStore } from '@/lib/store'

import type { Feed } from '../data/feed'
import { nextOpening } from '../data/timeframes'

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
  /** Opens the bars around a moment, at which the replay goes on when they are here. */
  open: (time: number) => void
  toNewest: () => void
}

/** Bars are asked for while this many are left. */
const AHEAD = 200

export class Replay {
  readonly state = createStore<ReplayState>({ active: false, playing: false, speed: 2, ended: false })
  /** How many bars may be seen. */
  limit = Infinity
  /** The second up to which is shown what was known. */
  moment = 0
  private timer: ReturnType<typeof setInterval> | undefined

  constructor(
    private readonly feed: Feed,
    private readonly ports: ReplayPorts,
  ) {}

  /** Begins after the bar at an index of the window. */
  start(index: number): void {
    this.feed.setLive(false)
    this.letIn(Math.max(1, Math.min(this.feed.window.length, index + 1)))
    this.update({ active: true, playing: false, ended: false })
    this.ports.draw(null)
  }

  /** Begins at a moment, wherever in history it lies, with the bars that were over then. */
  startAt(time: number): void {
    this.pause()
    this.ports.open(time)
  }

  step(by: 1 | -1 = 1): void {
    const { window, state } = this.feed
    if (!this.state.get().active) return
    const next = Math.max(1, Math.min(window.length, this.limit + by))
    const stuck = next === this.limit
    this.letIn(next)
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

  /** Back to now. */
  leave(): void {
    this.end()
    this.ports.draw(null)
    this.ports.toNewest()
  }

  /** The window holds other bars: those of a replay at `moment`, or of none. */
  onReplaced(moment: number | undefined): void {
    if (moment === undefined) {
      this.end()
      return
    }
    this.limit = Math.max(1, this.overAt(moment))
    this.moment = moment
    this.update({ active: true, ended: false })
    this.feed.setLive(false)
  }

  /** Bars kept moved by `shift` places. */
  onShift(shift: number): void {
    this.limit += shift
  }

  end(): void {
    clearInterval(this.timer)
    if (!this.state.get().active) return
    this.limit = Infinity
    this.update({ active: false, playing: false, ended: false })
    this.feed.setLive(true)
  }

  private letIn(count: number): void {
    this.limit = count
    this.moment = this.closing(count - 1)
  }

  /** How many bars of the window were over at a moment. */
  private overAt(moment: number): number {
    const opened = this.feed.window.lowerBound(moment)
    return this.closing(opened - 1) > moment ? opened - 1 : opened
  }

  private closing(index: number): number {
    const { window, state } = this.feed
    return nextOpening(window.time[index] ?? -Infinity, state.get().timeframe)
  }

  private update(change: Partial<ReplayState>): void {
    this.state.set({ ...this.state.get(), ...change })
  }
}
