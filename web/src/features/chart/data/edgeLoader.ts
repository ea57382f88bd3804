/** Asks for what is beyond the ends of a window, at one of them at a time, and again where that failed. */
import { isFinal, pauseAfter } from './again'

export type Side = 'older' | 'newer'

/** An end at which the bars did not come. */
export interface Edge {
  side: Side
  error: unknown
}

/** `later`: when it is asked at by itself. */
interface End {
  failed: Edge | null
  failures: number
  later: ReturnType<typeof setTimeout> | null
}

const newEnd = (): End => ({ failed: null, failures: 0, later: null })

export class EdgeLoader {
  private loading = new AbortController()
  private busy: Side | null = null
  /** The other end, which was asked for meanwhile. */
  private next: Side | null = null
  private readonly ends: Record<Side, End> = { older: newEnd(), newer: newEnd() }

  /** `tell`: of an end that failed, or that none does any more. */
  constructor(
    private readonly load: Record<Side, (signal: AbortSignal) => Promise<void>>,
    private readonly tell: (failed: Edge | null) => void,
  ) {}

  /** Asks at an end, after the other one if that is on its way; not where it failed, or is asked by itself in a moment. */
  async ask(side: Side): Promise<void> {
    const { failed, later } = this.ends[side]
    if (!failed && later === null) await this.run(side)
  }

  /** Asks at an end in so many milliseconds. */
  askIn(pause: number, side: Side): void {
    this.forget(side)
    this.ends[side].later = setTimeout(() => void this.run(side), pause)
  }

  /** Asks once more where it failed. */
  async retry(): Promise<void> {
    for (const side of ['older', 'newer'] as const) if (this.ends[side].failed) await this.run(side)
  }

  stop(): void {
    this.loading.abort()
    this.loading = new AbortController()
    this.busy = this.next = null
    for (const side of ['older', 'newer'] as const) {
      this.forget(side)
      this.settle(side)
    }
  }

  private async run(side: Side): Promise<void> {
    this.forget(side)
    if (this.busy) {
      if (this.busy !== side) this.next = side
      return
    }
    const { signal } = this.loading
    this.busy = side
    try {
      await this.load[side](signal)
      if (!signal.aborted) this.settle(side)
    } catch (error) {
      if (!signal.aborted) this.fail({ side, error })
    }
    if (signal.aborted) return
    const { next } = this
    this.busy = this.next = null
    if (next) await this.run(next)
  }

  private settle(side: Side): void {
    const end = this.ends[side]
    if (!end.failed) return
    end.failed = null
    end.failures = 0
    this.tell(this.ends.older.failed ?? this.ends.newer.failed)
  }

  private fail(failed: Edge): void {
    const end = this.ends[failed.side]
    end.failed = failed
    this.tell(failed)
    if (isFinal(failed.error)) return
    this.askIn(pauseAfter(end.failures), failed.side)
    end.failures += 1
  }

  private forget(side: Side): void {
    const end = this.ends[side]
    if (end.later !== null) clearTimeout(end.later)
    end.later = null
  }
}
