import type { IChartApi } from 'lightweight-charts'

import type { Point } from './geometry'

/** What a pointer can work on. */
export interface PointerLayer {
  /** Whether the layer took the press. */
  press: (at: Point, touch: boolean) => boolean
  move: (at: Point) => void
  release: (at: Point) => void
}

/** Gives presses on the chart to its layers first, in turn; what one takes, the chart does not scroll by. */
export function bindPointer(element: HTMLElement, chart: IChartApi, layers: readonly PointerLayer[]): () => void {
  let taken = false
  const at = (event: PointerEvent): Point => {
    const { left, top } = element.getBoundingClientRect()
    return [event.clientX - left, event.clientY - top]
  }
  const scroll = (on: boolean) => chart.applyOptions({ handleScroll: on, handleScale: on })

  function down(event: PointerEvent) {
    if (event.button !== 0) return
    taken = layers.some((layer) => layer.press(at(event), event.pointerType === 'touch'))
    if (taken) scroll(false)
  }
  function move(event: PointerEvent) {
    for (const layer of layers) layer.move(at(event))
  }
  function up(event: PointerEvent) {
    for (const layer of layers) layer.release(at(event))
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
