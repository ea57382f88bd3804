import { Link } from '@tanstack/react-router'
import { Pencil, Trash2 } from 'lucide-react'

import { price as priceText } from '@/lib/numbers'
import { Time } from '@/ui/Time'

import type { Alert, FiredAlert } from '../alerts/model'
import { DIRECTION_WORDS, firedWords } from '../alerts/model'
import { useAlertActions } from '../alerts/useAlertActions'
import { splitSeries } from '../data/series'
import { sourceWords, symbolWords } from '../words'
import { ToolButton } from './Toolbar'

/** One alert. `onLeave`: given where it is on another chart, which its name then opens. */
export function AlertRow({
  alert,
  onEdit,
  onLeave,
}: {
  alert: Alert
  onEdit: (alert: Alert) => void
  onLeave?: () => void
}) {
  const { remove } = useAlertActions(alert.series)
  const [source, symbol] = splitSeries(alert.series)
  const at = priceText(alert.price)
  return (
    <li className="flex items-center gap-1 py-2">
      <div className="min-w-0 flex-1 text-sm">
        <p>
          {onLeave && (
            <Link to="/chart/$source/$symbol" params={{ source, symbol }} onClick={onLeave} className="underline">
              {symbolWords(alert.series)}
            </Link>
          )}{' '}
          <span className="tnum font-medium">{at}</span>{' '}
          <span className="text-muted">
            {DIRECTION_WORDS[alert.direction]}, {alert.repeat === 'once' ? 'once' : 'every time'}
            {onLeave && ` · ${sourceWords(source)}`}
          </span>
        </p>
        {alert.note && <p className="break-words">{alert.note}</p>}
        <p className="text-muted">
          {alert.active ? 'Waiting' : alert.fired_at ? 'Done' : 'Paused'}
          {alert.fired_at && (
            <>
              , fired <Time iso={alert.fired_at} />
            </>
          )}
        </p>
      </div>
      <ToolButton aria-label={`Change the alert at ${at}`} title="Change" onClick={() => onEdit(alert)}>
        <Pencil aria-hidden className="size-4" />
      </ToolButton>
      <ToolButton aria-label={`Delete the alert at ${at}`} title="Delete" onClick={() => remove(alert.id)}>
        <Trash2 aria-hidden className="size-4 text-error" />
      </ToolButton>
    </li>
  )
}

export function FiredRow({ fired }: { fired: FiredAlert }) {
  return (
    <li className="flex items-baseline justify-between gap-4 py-2 text-sm">
      <span className="min-w-0 break-words">
        {firedWords(fired)}
        <span className="text-muted"> (seen at {priceText(fired.seen_price)})</span>
      </span>
      <span className="shrink-0 text-muted">
        <Time iso={fired.at} />
      </span>
    </li>
  )
}
