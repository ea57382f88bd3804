import { useEffect, useMemo } from 'react'

import { asProblem } from '@/api/problem'
import { forGeometry } from '@/lib/numbers'
import { randomKey } from '@/lib/ids'
import { toast } from '@/ui/toasts'

import type { ChartEngine } from '../engine/ChartEngine'
import { changed, lineWords } from './model'
import { useAlerts, useSaveAlert } from './queries'

/** Draws the alerts on a series that wait, and saves where one is pulled to. */
export function useAlertLines(engine: ChartEngine | null, series: string): void {
  const alerts = useAlerts().data?.alerts
  const save = useSaveAlert().mutateAsync
  const waiting = useMemo(
    () => (alerts ?? []).filter((alert) => alert.series === series && alert.active),
    [alerts, series],
  )

  useEffect(() => {
    engine?.alerts.set(
      waiting.map((alert) => ({ id: alert.id, price: forGeometry(alert.price), words: lineWords(alert) })),
      async (id, price) => {
        const alert = waiting.find((each) => each.id === id)
        if (!alert) return
        await save({ id, wanted: changed(alert, { price }), key: randomKey() }).catch((error: unknown) =>
          toast(`The alert stays where it was. ${asProblem(error).detail}`),
        )
      },
    )
  }, [engine, waiting, save])
}
