import { useNavigate } from '@tanstack/react-router'
import type { MouseEventParams } from 'lightweight-charts'
import { useEffect, useEffectEvent } from 'react'

import type { ChartEngine } from '../engine/ChartEngine'
import type { Glyph } from './group'

/**
 * A mouse over a mark tells of it; a click or a tap pins what is told. A click on a single story opens it. While a tool
 * is in hand, marks are left alone.
 */
export function useMarkPointer(engine: ChartEngine): void {
  const navigate = useNavigate()

  const onMove = useEffectEvent((event: PointerEvent) => {
    const { marks, drawings } = engine
    const shown = marks.shown.get()
    if (event.pointerType !== 'mouse' || event.buttons > 0) return
    const glyph = drawings.tool.get() ? null : marks.find(pointIn(engine, event), false)
    engine.chart.chartElement().style.cursor = glyph ? 'pointer' : ''
    if (shown?.pinned || glyph?.items[0] === shown?.glyph.items[0]) return
    marks.shown.set(glyph && { glyph, pinned: false })
  })

  const onLeave = useEffectEvent(() => {
    if (!engine.marks.shown.get()?.pinned) engine.marks.shown.set(null)
  })

  const onClick = useEffectEvent(({ point, paneIndex, sourceEvent }: MouseEventParams) => {
    const { marks, drawings } = engine
    if (!point || paneIndex || drawings.tool.get() || drawings.store.selected.get()) return
    const touch = isTouch(sourceEvent)
    const glyph = marks.find([point.x, point.y], touch)
    const story = touch ? undefined : storyOf(glyph)
    if (story) void navigate({ to: '/news', search: { story } })
    else marks.shown.set(glyph && { glyph, pinned: true })
  })

  useEffect(() => {
    const element = engine.chart.chartElement()
    const [move, leave] = [(event: PointerEvent) => onMove(event), () => onLeave()]
    const click = (event: MouseEventParams) => onClick(event)
    element.addEventListener('pointermove', move)
    element.addEventListener('pointerleave', leave)
    engine.chart.subscribeClick(click)
    return () => {
      element.removeEventListener('pointermove', move)
      element.removeEventListener('pointerleave', leave)
      engine.chart.unsubscribeClick(click)
    }
  }, [engine])
}

function pointIn(engine: ChartEngine, { clientX, clientY }: PointerEvent): [number, number] {
  const { left, top } = engine.chart.chartElement().getBoundingClientRect()
  return [clientX - left, clientY - top]
}

/** The library hands touches on without saying that they were; a finger leaves no hover. */
function isTouch(source: MouseEventParams['sourceEvent']): boolean {
  return source === undefined || !window.matchMedia('(hover: hover)').matches
}

function storyOf(glyph: Glyph | null): string | undefined {
  const [first, second] = glyph?.items ?? []
  return first?.kind === 'news' && !second ? first.news.id : undefined
}
