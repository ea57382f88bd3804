import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { useFrames } from '@/api/live'
import { forGeometry, heaviestFirst } from '@/lib/numbers'

import type { TacticWish } from './tactics'
import { wishOf } from './tactics'

export type Plan = Schemas['PlanView']
export type PlanLeg = Schemas['PlanLeg']
export type Execution = Schemas['ExecutionView']
export type PreviewRequest = Schemas['PreviewOpen'] | Schemas['PreviewClose'] | Schemas['PreviewRebalance']

/** A plan never changes: it is read once. */
export const planQuery = (id: string) =>
  queryOptions({
    queryKey: ['plan', id],
    queryFn: () => answer(api.GET('/api/previews/{plan_id}', { params: { path: { plan_id: id } } })),
    staleTime: Infinity,
  })

export function usePreview() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: preview,
    onSuccess: (plan) => {
      client.setQueryData(planQuery(plan.id).queryKey, plan)
      client.setQueryData(costQuery(plan, wishOf(plan.tactic)).queryKey, plan.totals.expected_cost)
    },
  })
}

const preview = (request: PreviewRequest): Promise<Plan> => answer(api.POST('/api/previews', { body: request }))

/** What the plan's wish would cost with another tactic: as last previewed, previewed now if never. */
export const costQuery = (plan: Plan, tactic: TacticWish) => {
  const request = requestOf(plan, tactic)
  return queryOptions({
    queryKey: ['tactic-cost', request],
    queryFn: async () => (await preview(request)).totals.expected_cost,
    staleTime: 60_000,
  })
}

/** To close a position, or to bring it back to its weights. */
export const positionRequest = (
  kind: 'close' | 'rebalance',
  position_id: string,
  tactic: TacticWish,
): PreviewRequest =>
  kind === 'close' ? { kind: 'close', position_id, tactic } : { kind: 'rebalance', position_id, tactic }

/** The same wish again, for a preview that has expired or for orders sent in another way. */
export function requestOf(plan: Plan, tactic: TacticWish = wishOf(plan.tactic)): PreviewRequest {
  if (plan.kind !== 'open' && plan.position_id) return positionRequest(plan.kind, plan.position_id, tactic)
  return {
    tactic,
    kind: 'open',
    connection_id: plan.connection_id,
    index_id: plan.index_id,
    direction: plan.direction,
    size: plan.size,
  }
}

/**
 * The idempotency key of carrying out a plan. It comes into being with the preview and is the same for every
 * press, retry and reload, so one preview can never be carried out twice.
 */
function executionKey(plan: Plan): string {
  return `execute-${plan.id}`
}

export function useExecute(plan: Plan) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () =>
      answer(
        api.POST('/api/executions', {
          params: { header: { 'idempotency-key': executionKey(plan) } },
          body: { plan_id: plan.id, digest: plan.digest },
        }),
      ),
    onSuccess: (execution) => client.setQueryData(executionQuery(execution.id).queryKey, execution),
  })
}

/** The execution of a plan, if there is one: an answer that never came may have been a yes. */
export async function executionOf(plan: Plan): Promise<Execution | undefined> {
  const { items } = await answer(api.GET('/api/executions'))
  return items.find((each) => each.plan_id === plan.id)
}

const executionQuery = (id: string) =>
  queryOptions({
    queryKey: ['execution', id],
    queryFn: () => answer(api.GET('/api/executions/{execution_id}', { params: { path: { execution_id: id } } })),
  })

/** The legs of an execution, the largest order first. */
export const legsInOrder = (execution: Execution) =>
  heaviestFirst(execution.legs, (leg) => forGeometry(leg.quantity) * forGeometry(leg.expected_price))

/** Ended for good. One that needs attention may still be waiting for the venue's answer. */
export const isFinished = (execution: Execution) => execution.finished_at !== null

/** An execution, live leg by leg; asked for every few seconds too, should the stream be down. */
export function useExecution(id: string) {
  const client = useQueryClient()
  const query = useQuery({
    ...executionQuery(id),
    refetchInterval: ({ state }) => (state.data && isFinished(state.data) ? false : 3_000),
  })
  useFrames<Execution>(`execution:${id}`, (execution) => {
    const known = client.getQueryData(executionQuery(id).queryKey)
    if (known && isFinished(known) && !isFinished(execution)) return
    client.setQueryData(executionQuery(id).queryKey, execution)
  })
  const finished = query.data ? isFinished(query.data) : false
  useEffect(() => {
    if (!finished) return
    for (const key of ['positions', 'position', 'overview', 'orders', 'fills', 'payments']) {
      void client.invalidateQueries({ queryKey: [key] })
    }
  }, [finished, client])
  return query
}
