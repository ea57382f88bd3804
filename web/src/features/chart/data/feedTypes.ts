import type { BarPage, Span } from './api'
import type { Gap } from './columns'
import type { Edge } from './edgeLoader'
import type { TickFrame } from './tickStore'
import type { Timeframe } from './timeframes'
import type { WindowChange } from './windowStore'

export interface FeedState {
  phase: 'loading' | 'ready' | 'failed'
  series: string
  /** The timeframe of the bars in the window. */
  timeframe: Timeframe
  /** Why the first page did not come. */
  error: unknown
  /** The end at which more bars did not come. */
  edge: Edge | null
  /** There are bars before the first and after the last of the window. */
  older: boolean
  newer: boolean
  gaps: Gap[]
  backfill: { done: number; total: number } | null
  decimals: number
}

/** Nothing is known of what is beyond the window. */
export const NOTHING_BEYOND = { older: false, newer: false, gaps: [], backfill: null }

export interface FeedPorts {
  fetchBars: (series: string, timeframe: Timeframe, span: Span, signal?: AbortSignal) => Promise<BarPage>
  watch: (topic: string, onFrame: (frame: TickFrame) => void) => () => void
  visibleBars: () => number
  now: () => number
  /** The window is about to hold, and holds from now on, other bars altogether. */
  onReplacing: () => void
  onReplaced: () => void
  onChanged: (change: WindowChange) => void
}
