import { useEffect, useState } from 'react'

import type { PointerLayer } from './drawings/pointer'
import { bindPointer } from './drawings/pointer'
import { drawingSync } from './drawings/sync'
import type { ChartEngine } from './engine/ChartEngine'
import { useUserId } from './userStorage'

/** Loads the drawings of a series, lets a pointer work on them, and undoes and deletes by keys. */
export function useDrawings(engine: ChartEngine | null, series: string): unknown {
  const user = useUserId()
  const [error, setError] = useState<unknown>(null)

  useEffect(() => {
    if (!engine) return
    let current = true
    engine.drawings.store.take([])
    const unwatch = drawingSync.watch(series, engine.drawings.store.take)
    void drawingSync.flush()
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
      unwatch()
    }
  }, [engine, series, user])

  useEffect(
    () => (engine ? bindPointer(engine.chart.chartElement(), engine.chart, layersOf(engine)) : undefined),
    [engine],
  )
  return error
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
