import { SlidersHorizontal, Trash2 } from 'lucide-react'

import { price as priceText } from '@/lib/numbers'
import { useStore } from '@/lib/store'

import { useAlerts } from '../alerts/queries'
import { openAlerts } from '../alerts/store'
import { useAlertActions } from '../alerts/useAlertActions'
import type { ChartEngine } from '../engine/ChartEngine'
import { ToolButton } from './Toolbar'

/** The selected alert: where it is, its details and its end. */
export function AlertBar({ engine, series }: { engine: ChartEngine; series: string }) {
  const selected = useStore(engine.alerts.selected)
  const alert = useAlerts().data?.alerts.find((each) => each.id === selected)
  const { remove } = useAlertActions(series)
  if (!alert) return null
  return (
    <div
      role="toolbar"
      aria-label="Alert"
      className="absolute top-12 left-1/2 z-20 flex -translate-x-1/2 animate-enter items-center gap-1 rounded-card bg-canvas p-1.5 shadow-sheet"
    >
      <span className="tnum px-2 text-sm whitespace-nowrap">Alert at {priceText(alert.price)}</span>
      <ToolButton aria-label="Details of the alert" title="Details" onClick={() => openAlerts()}>
        <SlidersHorizontal aria-hidden className="size-4" />
      </ToolButton>
      <ToolButton aria-label="Delete the alert" title="Delete" onClick={() => remove(alert.id)}>
        <Trash2 aria-hidden className="size-4 text-error" />
      </ToolButton>
    </div>
  )
}
