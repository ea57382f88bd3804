import type { QueryClient } from '@tanstack/react-query'
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { answer, api } from '@/api/client'
import { useFrames } from '@/api/live'
import { session } from '@/api/session'
import { useStore } from '@/lib/store'

import type { Alert, AlertsState, FiredAlert, NewAlert } from './model'
import { LATEST_FIRED, MOST_FIRED } from './model'

export const alertsQuery = queryOptions({
  queryKey: ['alerts'],
  queryFn: async (): Promise<AlertsState> => {
    const [alerts, fired] = await Promise.all([answer(api.GET('/api/charts/alerts')), readFired(LATEST_FIRED)])
    return { alerts, fired }
  },
})

/** What fired last, newest first. */
export async function readFired(limit = MOST_FIRED): Promise<FiredAlert[]> {
  return (await answer(api.GET('/api/charts/alerts/fired', { params: { query: { limit } } }))).items
}

/** The user's alerts and what fired, kept current by the stream. */
export function useAlerts() {
  const client = useQueryClient()
  const enabled = useStore(session).status === 'in'
  useFrames<AlertsState>(enabled ? 'alerts' : null, (state) => client.setQueryData(alertsQuery.queryKey, state))
  return useQuery({ ...alertsQuery, enabled })
}

/** `key`: the same for every try, so that no try sets a second alert. */
interface Wanted {
  id?: string
  wanted: NewAlert
  key: string
}

/** Sets a new alert, or changes the one that `id` names. */
export function useSaveAlert() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, wanted, key }: Wanted) => {
      const header = { 'idempotency-key': key }
      if (id === undefined) return answer(api.POST('/api/charts/alerts', { params: { header }, body: wanted }))
      return answer(
        api.PUT('/api/charts/alerts/{alert_id}', { params: { header, path: { alert_id: id } }, body: wanted }),
      )
    },
    onSuccess: (alert) => change(client, (alerts) => replaced(alerts, alert)),
  })
}

export function useDeleteAlert() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) =>
      answer(api.DELETE('/api/charts/alerts/{alert_id}', { params: { path: { alert_id: id } } })),
    onSuccess: (_, id) => change(client, (alerts) => alerts.filter((each) => each.id !== id)),
  })
}

function change(client: QueryClient, of: (alerts: Alert[]) => Alert[]): void {
  client.setQueryData(alertsQuery.queryKey, (state) => state && { ...state, alerts: of(state.alerts) })
  void client.invalidateQueries({ queryKey: alertsQuery.queryKey })
}

function replaced(alerts: Alert[], alert: Alert): Alert[] {
  const known = alerts.some((each) => each.id === alert.id)
  return known ? alerts.map((each) => (each.id === alert.id ? alert : each)) : [alert, ...alerts]
}
