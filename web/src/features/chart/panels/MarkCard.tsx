import clsx from 'clsx'
import { X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'

import { useStore } from '@/lib/store'
import { utcMinute } from '@/lib/times'

import type { ChartEngine } from '../engine/ChartEngine'
import type { ShownMarks } from '../marks/MarksLayer'
import { MarkDetail } from './MarkDetail'

const WIDTH = 300
const MARGIN = 8
const GAP = 16
/** As many as are told while the mouse only passes. */
const FEW = 3

/** What the mark under the pointer tells, or the one that was clicked. */
export function MarkCard({ engine, shown }: { engine: ChartEngine; shown: ShownMarks }) {
  const { glyph, pinned } = shown
  const box = useRef<HTMLDivElement>(null)
  const place = usePlace(engine, shown)
  const [first] = glyph.items
  const told = pinned ? glyph.items : glyph.items.slice(-FEW)

  useEffect(() => {
    if (!pinned) return
    box.current?.focus({ preventScroll: true })
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) engine.marks.shown.set(null)
    }
    window.addEventListener('pointerdown', outside, { capture: true })
    return () => window.removeEventListener('pointerdown', outside, { capture: true })
  }, [engine, pinned, first])

  /** Whoever read by keys goes on where they were: at the bar of the mark. */
  function close() {
    engine.focus()
    engine.crosshair.place(glyph.index)
    engine.marks.shown.set(null)
  }

  if (!place) return null
  const count = glyph.items.length
  return (
    <div
      ref={box}
      role={pinned ? 'dialog' : 'tooltip'}
      aria-label={`${count === 1 ? 'Mark' : `${count} marks`} at ${utcMinute(first.time)} UTC`}
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.stopPropagation()
        close()
      }}
      style={{ ...place, width: WIDTH }}
      className={clsx(
        'absolute z-30 max-h-[60%] max-w-[calc(100%-16px)] overflow-y-auto rounded-card border border-hairline bg-canvas text-sm shadow-sheet outline-none',
        !pinned && 'pointer-events-none',
      )}
    >
      {pinned && (
        <button
          type="button"
          aria-label="Close"
          onClick={close}
          className="sticky top-1 float-right mr-1 grid size-8 place-items-center rounded-control hover:bg-hover max-md:size-11"
        >
          <X aria-hidden className="size-4" />
        </button>
      )}
      <ul className="divide-y divide-hairline px-4 py-1">
        {[...told].reverse().map((item) => (
          <li key={`${item.kind}-${item.id}`} className="py-2.5">
            <MarkDetail item={item} />
          </li>
        ))}
      </ul>
      {told.length < count && (
        <p className="px-4 pb-2.5 text-xs text-muted">and {count - told.length} more; click to read all</p>
      )}
    </div>
  )
}

/** Beside its mark, inside the chart, wherever the chart is moved to. */
function usePlace(engine: ChartEngine, { glyph }: ShownMarks): React.CSSProperties | null {
  const [, moved] = useState(0)
  useStore(engine.revision)
  useEffect(() => {
    const scale = engine.chart.timeScale()
    const follow = () => moved((count) => count + 1)
    scale.subscribeVisibleLogicalRangeChange(follow)
    return () => scale.unsubscribeVisibleLogicalRangeChange(follow)
  }, [engine])
  const point = engine.marks.pointOf(glyph)
  if (!point) return null
  const { clientWidth, clientHeight } = engine.chart.chartElement()
  const [x, y] = point
  const left = Math.max(MARGIN, Math.min(x - WIDTH / 2, clientWidth - WIDTH - MARGIN))
  return y > clientHeight / 2 ? { left, bottom: clientHeight - y + GAP } : { left, top: y + GAP }
}
