import { useCallback, useEffect, useState } from 'react'

import type { Point } from '../drawings/geometry'
import type { ChartEngine } from '../engine/ChartEngine'

/** Where the menu of a chart was asked for. */
export interface MenuPoint {
  at: Point
  /** The price there, or null beside the prices. */
  price: string | null
  alertId: string | null
}

const HOLD = 550
const STILL = 10

/** Opens the menu by a right click, the menu key, or a finger that rests on the chart. */
export function useChartMenu(engine: ChartEngine | null) {
  const [point, setPoint] = useState<MenuPoint | null>(null)

  useEffect(() => {
    if (!engine) return
    const element = engine.chart.chartElement()
    let timer: ReturnType<typeof setTimeout> | undefined
    let from: Point = [0, 0]

    const placeOf = ({ clientX, clientY }: MouseEvent): Point => {
      const { left, top } = element.getBoundingClientRect()
      return [clientX - left, clientY - top]
    }
    const open = (at: Point, touch: boolean) => {
      if (engine.drawings.tool.get() || engine.feed.window.length === 0) return
      setPoint({ at, price: engine.alerts.priceAt(at), alertId: engine.alerts.find(at, touch)?.id ?? null })
    }
    const rest = () => clearTimeout(timer)

    function onContextMenu(event: MouseEvent) {
      event.preventDefault()
      rest()
      open(placeOf(event), false)
    }
    function onDown(event: PointerEvent) {
      rest()
      if (event.pointerType !== 'touch' || !event.isPrimary) return
      from = placeOf(event)
      timer = setTimeout(() => open(from, true), HOLD)
    }
    function onMove(event: PointerEvent) {
      const [x, y] = placeOf(event)
      if (Math.hypot(x - from[0], y - from[1]) > STILL) rest()
    }

    element.addEventListener('contextmenu', onContextMenu)
    element.addEventListener('pointerdown', onDown, { capture: true })
    window.addEventListener('pointermove', onMove)
    window.addEventListener('pointerup', rest)
    window.addEventListener('pointercancel', rest)
    return () => {
      rest()
      element.removeEventListener('contextmenu', onContextMenu)
      element.removeEventListener('pointerdown', onDown, { capture: true })
      window.removeEventListener('pointermove', onMove)
      window.removeEventListener('pointerup', rest)
      window.removeEventListener('pointercancel', rest)
    }
  }, [engine])

  const close = useCallback(() => setPoint(null), [])
  return { point, close }
}
