import { useNavigate } from '@tanstack/react-router'
import { Bell, BellPlus, Download, NotebookPen, Trash2 } from 'lucide-react'
import type { KeyboardEvent, ReactNode } from 'react'
import { useEffect, useRef } from 'react'

import { session } from '@/api/session'
import { price as priceText } from '@/lib/numbers'
import { useStore } from '@/lib/store'

import { isWatchable } from '../alerts/model'
import { openAlerts } from '../alerts/store'
import { useAlertActions } from '../alerts/useAlertActions'
import { useChartMenu } from '../alerts/useChartMenu'
import { noteAt } from '../note'
import type { ChartEngine } from '../engine/ChartEngine'
import { downloadBars } from '../output/downloadBars'

const FORMATS = { csv: 'CSV', parquet: 'Parquet' }
const WIDTH = 240
const HEIGHT = 230

/** What can be done at a price of the chart. */
export function ChartMenu({ engine, series }: { engine: ChartEngine; series: string }) {
  const { point, close } = useChartMenu(engine)
  const list = useRef<HTMLDivElement>(null)
  const signedIn = useStore(session).status === 'in'
  const { add, remove } = useAlertActions(series)
  const navigate = useNavigate()

  useEffect(() => {
    if (!point) return
    list.current?.querySelector('button')?.focus({ preventScroll: true })
    const outside = (event: Event) => {
      if (!list.current?.contains(event.target as Node)) close()
    }
    window.addEventListener('pointerdown', outside, { capture: true })
    return () => window.removeEventListener('pointerdown', outside, { capture: true })
  }, [point, close])

  if (!point) return null
  const { at, price, alertId } = point
  const box = engine.chart.chartElement()
  const left = Math.max(4, Math.min(at[0], box.clientWidth - WIDTH))
  const top = Math.max(4, Math.min(at[1], box.clientHeight - HEIGHT))

  function act(action: () => void) {
    close()
    action()
  }

  function onKey(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Escape' || event.key === 'Tab') close()
    else if (step) move(list.current, step)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  return (
    <div
      ref={list}
      role="menu"
      tabIndex={-1}
      aria-label="At this price"
      onKeyDown={onKey}
      style={{ left, top, width: WIDTH - 8 }}
      className="absolute z-30 animate-enter rounded-card bg-canvas p-1.5 text-sm shadow-sheet"
    >
      {alertId ? (
        <Item onPick={() => act(() => remove(alertId))}>
          <Trash2 aria-hidden className="size-4 text-error" /> Delete this alert
        </Item>
      ) : (
        price !== null &&
        isWatchable(series) && (
          <Item onPick={() => act(() => (signedIn ? add(price) : openAlerts(price)))}>
            <BellPlus aria-hidden className="size-4 text-muted" /> Add alert at {priceText(price)}
          </Item>
        )
      )}
      <Item onPick={() => act(() => openAlerts(price ?? ''))}>
        <Bell aria-hidden className="size-4 text-muted" /> Alerts…
      </Item>
      <Item onPick={() => act(() => void navigate(noteAt(engine, series, at[0])))}>
        <NotebookPen aria-hidden className="size-4 text-muted" /> Write a note…
      </Item>
      {(['csv', 'parquet'] as const).map((format) => (
        <Item
          key={format}
          onPick={() => act(() => void downloadBars(series, engine.feed.state.get().timeframe, format))}
        >
          <Download aria-hidden className="size-4 text-muted" /> Download as {FORMATS[format]}
        </Item>
      ))}
    </div>
  )
}

function move(list: HTMLElement | null, step: number): void {
  const items = [...(list?.querySelectorAll('button') ?? [])]
  const at = items.findIndex((item) => item === document.activeElement)
  items[(at + step + items.length) % items.length]?.focus()
}

function Item({ onPick, children }: { onPick: () => void; children: ReactNode }) {
  return (
    <button
      type="button"
      role="menuitem"
      onClick={onPick}
      className="flex h-9 w-full items-center gap-2.5 rounded-control px-2.5 text-left hover:bg-hover max-md:h-11"
    >
      {children}
    </button>
  )
}
