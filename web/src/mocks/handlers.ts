import { http, HttpResponse } from 'msw'

import type { Schemas } from '@/api/client'

import type { PreviewRequest } from '@/features/trade/queries'

import { missing, problem } from './answers'
import { backtestHandlers } from './backtests'
import { candleHandlers } from './candles'
import { chartHandlers } from './charts'
import { datasetHandlers } from './datasets'
import { indicatorHandlers } from './indicators'
import { journalHandlers } from './journal'
import { limitsHandlers } from './limits'
import { history } from './market'
import { newsHandlers } from './news'
import { bookPosition, ordersOf } from './positions'
import { safetyHandlers } from './safety'
import { scriptHandlers } from './scripts'
import { strategyHandlers } from './strategies'
import { traceHandlers } from './trace'
import { CONNECTION, makePlan, startExecution, USER, world } from './world'

const signedIn = (): Schemas['SignedIn'] => ({
  access_token: `mock.${crypto.randomUUID()}`,
  expires_in: 600,
  user: USER,
})

const page = <Item>(items: Item[]) => HttpResponse.json({ items, next_cursor: null })

const account = [
  http.get('/api/system', () =>
    HttpResponse.json({
      mode: 'demo',
      simulated: true,
      version: '0.1.0',
      started_at: new Date().toISOString(),
      stream_url: '/api/stream',
    }),
  ),
  http.post('/api/auth/demo', () => HttpResponse.json(signedIn(), { status: 201 })),
  http.post('/api/auth/refresh', () => HttpResponse.json(signedIn())),
  http.post('/api/auth/sign-in', () => HttpResponse.json(signedIn())),
  http.post('/api/auth/sign-up', () =>
    HttpResponse.json({ message: 'If this address is new, the account is ready: sign in.' }, { status: 202 }),
  ),
  http.post('/api/auth/sign-out', () => new HttpResponse(null, { status: 204 })),
  http.post('/api/auth/sign-out-everywhere', () => new HttpResponse(null, { status: 204 })),
  http.get('/api/auth/sign-ins', () =>
    HttpResponse.json([
      {
        id: USER.id,
        user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36',
        ip: '127.0.0.1',
        created_at: USER.created_at,
        last_used_at: new Date().toISOString(),
        current: true,
      },
    ]),
  ),
  http.get('/api/connections', () => HttpResponse.json(world.connections)),
  http.post('/api/connections', async ({ request }) => {
    const body = (await request.json()) as Schemas['NewConnection']
    const made = {
      ...CONNECTION,
      id: crypto.randomUUID(),
      label: body.label,
      state: 'refused' as const,
      state_reason: 'This key can withdraw. Holdfast never takes such a key.',
      checks: [
        { check: 'works', level: 'ok' as const, message: 'The key works.', advice: '' },
        {
          check: 'withdraw',
          level: 'refused' as const,
          message: 'The key may withdraw.',
          advice: 'Create a key without Assets → Withdrawal and connect that one.',
        },
      ],
    }
    world.connections = [...world.connections, made]
    return HttpResponse.json(made, { status: 201 })
  }),
  http.post('/api/connections/:id/check', () => HttpResponse.json(CONNECTION, { status: 202 })),
  http.delete('/api/connections/:id', ({ params }) => {
    world.connections = world.connections.filter((each) => each.id !== params['id'])
    return new HttpResponse(null, { status: 204 })
  }),
]

const markets = [
  http.get('/api/indices', () => HttpResponse.json(world.indices)),
  http.get('/api/indices/:id', ({ params }) => {
    const index = world.indices.find((each) => each.id === params['id'])
    return index ? HttpResponse.json(index) : missing()
  }),
  http.get('/api/indices/:id/history', ({ params, request }) => {
    const index = world.indices.find((each) => each.id === params['id'])
    const range = new URL(request.url).searchParams.get('range') as Schemas['IndexHistory']['range']
    return index ? HttpResponse.json(history(index, range)) : missing()
  }),
]

const trading = [
  http.post('/api/previews', async ({ request }) => {
    const body = (await request.json()) as PreviewRequest
    return HttpResponse.json(makePlan(body), { status: 201 })
  }),
  http.get('/api/previews/:id', ({ params }) => {
    const plan = world.plans.get(String(params['id']))
    return plan ? HttpResponse.json(plan) : missing()
  }),
  http.post('/api/executions', async ({ request }) => {
    const key = request.headers.get('idempotency-key') ?? ''
    const body = (await request.json()) as Schemas['NewExecution']
    const known = world.executions.get(world.answersByKey.get(key) ?? '')
    if (known) return HttpResponse.json(known, { status: 202 })
    const plan = world.plans.get(body.plan_id)
    if (!plan) return missing()
    if (Date.parse(plan.expires_at) < Date.now()) {
      return problem(410, 'gone', 'This preview has expired.', 'Get a new preview.')
    }
    const execution = startExecution(plan)
    world.answersByKey.set(key, execution.id)
    bookPosition(execution)
    return HttpResponse.json(execution, { status: 202 })
  }),
  http.get('/api/executions', () => HttpResponse.json({ items: [...world.executions.values()], next_cursor: null })),
  http.get('/api/executions/:id', ({ params }) => {
    const execution = world.executions.get(String(params['id']))
    return execution ? HttpResponse.json(execution) : missing()
  }),
]

const records = [
  http.get('/api/positions', ({ request }) => {
    const state = new URL(request.url).searchParams.get('state')
    const closed = state === 'closed'
    return page([...world.positions.values()].filter((each) => !state || (each.state === 'closed') === closed))
  }),
  http.get('/api/positions/:id', ({ params }) => {
    const position = world.positions.get(String(params['id']))
    return position ? HttpResponse.json(position) : missing()
  }),
  http.get('/api/overview', () =>
    HttpResponse.json({
      equity: '10001.83',
      available: '9158.21',
      as_of: new Date().toISOString(),
      accounts: [
        {
          connection_id: CONNECTION.id,
          equity: '10001.83',
          available: '9158.21',
          taken_at: new Date().toISOString(),
        },
      ],
      open_pnl: '1.83',
      realised_pnl: '0',
      fees: '0.46',
      funding: '0',
      positions: [...world.positions.values()],
      notices: [],
    } satisfies Schemas['Overview']),
  ),
  http.get('/api/orders', () => page(ordersOf())),
  http.get('/api/orders/:id', ({ params }) => {
    const order = ordersOf().find((each) => each.id === params['id'])
    if (!order) return missing()
    const at = order.created_at
    const events = [
      { event: 'send', from_state: 'planned', to_state: 'sent', detail: {}, at },
      { event: 'accept', from_state: 'sent', to_state: 'accepted', detail: { order_id: order.venue_order_id }, at },
      { event: 'fill', from_state: 'accepted', to_state: 'filled', detail: { quantity: order.quantity }, at },
    ]
    return HttpResponse.json({ ...order, events })
  }),
  http.get('/api/fills', () =>
    page(
      ordersOf().map((order): Schemas['FillView'] => ({
        exec_id: `exec-${order.id}`,
        position_id: order.position_id,
        index_name: order.index_name,
        symbol: order.symbol,
        side: order.side,
        exec_type: 'Trade',
        quantity: order.quantity,
        price: order.limit_price,
        value: '42.10',
        fee: '0.0231',
        fee_asset: 'USDT',
        by_hand: false,
        executed_at: order.created_at,
      })),
    ),
  ),
  http.get('/api/payments', () =>
    page(
      ordersOf().map((order, position): Schemas['PaymentView'] => ({
        id: position,
        kind: 'fee',
        position_id: order.position_id,
        index_name: order.index_name,
        symbol: order.symbol,
        amount: '-0.0231',
        asset: 'USDT',
        at: order.created_at,
      })),
    ),
  ),
]

export const handlers = [
  ...account,
  ...markets,
  ...trading,
  ...records,
  ...safetyHandlers,
  ...limitsHandlers,
  ...traceHandlers,
  ...candleHandlers,
  ...indicatorHandlers,
  ...chartHandlers,
  ...newsHandlers,
  ...journalHandlers,
  ...datasetHandlers,
  ...backtestHandlers,
  ...strategyHandlers,
  ...scriptHandlers,
]
