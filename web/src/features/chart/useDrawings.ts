import { useEffect, useState } from 'react'

import type { PointerLayer } from './drawings/pointer'
import { bindPointer } from './drawings/pointer'
import { drawingSync } from './drawings/sync'
import type { ChartEngine } from './engine/ChartEngine'
import { useUserId } from './userStorage'

interface Loading {
  /** Why they are not here; null when they are. */
  error: unknown
  retry: () => void
}

/** Loads the drawings of a series, and lets a pointer work on them. */
export function useDrawings(engine: ChartEngine | null, series: string): Loading {
  const user = useUserId()
  const [error, setError] = useState<unknown>(null)
  const [attempt, setAttempt] = useState(0)

  useEffect(() => {
    if (!engine) return
    engine.drawings.store.take([])
    const unwatch = drawingSync.watch(series, engine.drawings.store.take)
    void drawingSync.flush()
    return unwatch
  }, [engine, series, user])

  // Apart from the above: asking again must not wipe what was drawn since.
  useEffect(() => {
    if (!engine) return
    let current = true
    drawingSync
      .load(series)
      .then((drawings) => {
        if (!current) return
        setError(null)
        engine.drawings.store.take(drawings)
      })
      .catch((problem: unknown) => current && setError(problem))
    return () => {
      current = false
    }
  }, [engine, series, user, attempt])

  useEffect(
    () => (engine ? bindPointer(engine.chart.chartElement(), engine.chart, layersOf(engine)) : undefined),
    [engine],
  )
  return { error, retry: () => setAttempt((before) => before + 1) }
}

/** A tool in hand draws over everything; otherwise alerts lie above drawings, and one thing is selected at a time. */
function layersOf({ alerts, drawings }: ChartEngine): PointerLayer[] {
  const { selected } = drawings.store
  return [
    {
      press: (at, touch) => {
        const taken = drawings.tool.get() === null && alerts.press(at, touch)
        if (taken) selected.set(null)
        return taken
      },
      move: (at) => alerts.move(at),
      release: () => alerts.release(),
    },
    drawings,
  ]
}
