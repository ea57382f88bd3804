import { http, HttpResponse } from 'msw'

import type { Schemas } from '@/api/client'

import type { Execution } from '@/features/trade/queries'

import { missing } from './answers'
import { ordersOf } from './positions'
import { world } from './world'

type Item = Schemas['TraceItem']

/** The time line that an execution of the mocked world would have. */
function traceOf(execution: Execution): { execution: Execution; items: Item[]; truncated: boolean } {
  const start = Date.parse(execution.created_at)
  const at = (ms: number) => ({ at: new Date(start + ms).toISOString(), after_ms: ms })
  const plain = { order_id: null, symbol: '', took_ms: null, detail: {} }
  const orders = ordersOf().filter((order) => order.execution_id === execution.id)
  const items: Item[] = [
    { ...plain, ...at(0), kind: 'decision', title: `Confirmed: ${execution.kind} ${execution.index_name}` },
    { ...plain, ...at(0), kind: 'job', title: 'Queued for a worker', detail: { job: 'execution.run' } },
    ...orders.flatMap((order, place): Item[] => {
      const of = { order_id: order.id, symbol: order.symbol, took_ms: null, detail: { client_id: order.client_id } }
      const sent = 60 + place * 28
      const asked = `${order.side} ${order.quantity} ${order.symbol} at ${order.limit_price} or better`
      const silent = place === 4
      return [
        { ...of, ...at(1), kind: 'row', title: `Order written: ${order.role} ${asked}` },
        { ...of, ...at(sent), kind: 'event', title: `${order.symbol}: about to be sent; written down first` },
        {
          ...of,
          ...at(sent + 2),
          kind: 'request',
          title: `Place order: ${asked}`,
          detail: { path: '/v5/order/create' },
        },
        silent
          ? {
              ...of,
              ...at(sent + 1203),
              kind: 'answer',
              title: 'No clear answer. The connection was closed.',
              took_ms: 1201,
              detail: { outcome: 'silent' },
            }
          : {
              ...of,
              ...at(sent + 40 + place * 7),
              kind: 'answer',
              title: 'The venue accepted it',
              took_ms: 38 + place * 7,
              detail: { outcome: 'ok' },
            },
        { ...of, ...at(sent + (silent ? 1490 : 95)), kind: 'stream', title: `${order.symbol}: filled` },
      ]
    }),
    {
      ...plain,
      ...at(1900),
      kind: 'decision',
      title: 'Ended: complete.',
      took_ms: 1890,
      detail: { state: 'complete' },
    },
  ]
  return { execution, items: items.sort((a, b) => a.after_ms - b.after_ms), truncated: false }
}

export const traceHandlers = [
  http.get('/api/executions/:id/trace', ({ params }) => {
    const execution = world.executions.get(String(params['id']))
    return execution ? HttpResponse.json(traceOf(execution)) : missing()
  }),
]
