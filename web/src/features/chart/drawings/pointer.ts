import type { IChartApi } from 'lightweight-charts'

import type { DrawingLayer } from './DrawingLayer'
import type { Point } from './geometry'

/** Gives presses on the chart to the drawings first; what they take, the chart does not scroll by. */
export function bindPointer(element: HTMLElement, chart: IChartApi, layer: DrawingLayer): () => void {
  let taken = false
  const at = (event: PointerEvent): Point => {
    const { left, top } = element.getBoundingClientRect()
    return [event.clientX - left, event.clientY - top]
  }
  const scroll = (on: boolean) => chart.applyOptions({ handleScroll: on, handleScale: on })

  function down(event: PointerEvent) {
    if (event.button !== 0) return
    taken = layer.press(at(event), event.pointerType === 'touch')
    if (taken) scroll(false)
  }
  function move(event: PointerEvent) {
    layer.move(at(event))
  }
  function up(event: PointerEvent) {
    layer.release(at(event))
    if (taken) scroll(true)
    taken = false
  }

  element.addEventListener('pointerdown', down, { capture: true })
  window.addEventListener('pointermove', move)
  window.addEventListener('pointerup', up)
  window.addEventListener('pointercancel', up)
  return () => {
    element.removeEventListener('pointerdown', down, { capture: true })
    window.removeEventListener('pointermove', move)
    window.removeEventListener('pointerup', up)
    window.removeEventListener('pointercancel', up)
  }
}
