import { useEffect, useState } from 'react'

import type { ChartEngine } from '../engine/ChartEngine'
import type { Span } from './tiles'
import { tilesOf } from './tiles'

const PAUSE = 150

/** The spans of time that what is on the screen lies in; the same array as long as it is the same spans. */
export function useTiles(engine: ChartEngine): readonly Span[] {
  const [tiles, setTiles] = useState<readonly Span[]>([])
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    function look() {
      timer = undefined
      const span = engine.viewport.span()
      const next = span ? tilesOf(span) : []
      setTiles((before) => (JSON.stringify(before) === JSON.stringify(next) ? before : next))
    }
    const soon = () => {
      timer ??= setTimeout(look, PAUSE)
    }
    const scale = engine.chart.timeScale()
    scale.subscribeVisibleLogicalRangeChange(soon)
    const unwatch = engine.revision.subscribe(soon)
    soon()
    return () => {
      clearTimeout(timer)
      scale.unsubscribeVisibleLogicalRangeChange(soon)
      unwatch()
    }
  }, [engine])
  return tiles
}
