import { useStore } from '@/lib/store'

import type { ChartEngine } from './engine/ChartEngine'

/** The index of the bar that legends tell of: the one under the crosshair, or the last on the screen. */
export function useReadBar(engine: ChartEngine): number {
  const cursor = useStore(engine.crosshair.cursor)
  useStore(engine.viewport.seen)
  useStore(engine.revision)
  return Math.min(cursor ?? engine.viewport.last(), engine.shown - 1)
}
