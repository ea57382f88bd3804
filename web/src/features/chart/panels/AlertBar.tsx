import { SlidersHorizontal, Trash2 } from 'lucide-react'

import { price as priceText } from '@/lib/numbers'
import { useStore } from '@/lib/store'

import { useAlerts } from '../alerts/queries'
import { openAlerts } from '../alerts/store'
import { useAlertActions } from '../alerts/useAlertActions'
import type { ChartEngine } from '../engine/ChartEngine'
import { SelectionToolbar } from './SelectionToolbar'
import { ToolButton } from './Toolbar'

/** The selected alert: where it is, its details and its end. */
export function AlertBar({ engine, series }: { engine: ChartEngine; series: string }) {
  const selected = useStore(engine.alerts.selected)
  const alert = useAlerts().data?.alerts.find((each) => each.id === selected)
  const { remove } = useAlertActions(series)
  if (!alert) return null
  return (
    <SelectionToolbar label="Alert">
      <span className="tnum px-2 text-sm whitespace-nowrap">Alert at {priceText(alert.price)}</span>
      <ToolButton aria-label="Details of the alert" title="Details" onClick={() => openAlerts()}>
        <SlidersHorizontal aria-hidden className="size-4" />
      </ToolButton>
      <ToolButton aria-label="Delete the alert" title="Delete" onClick={() => remove(alert.id)}>
        <Trash2 aria-hidden className="size-4 text-error" />
      </ToolButton>
    </SelectionToolbar>
  )
}
