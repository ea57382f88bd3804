import { http, HttpResponse } from 'msw'

import type { Schemas } from '@/api/client'
import type { Limits } from '@/features/limits/queries'

import { missing } from './answers'
import { world } from './world'

const NONE: Required<Limits> = {
  order_notional: null,
  instrument_notional: null,
  sleeve_notional: null,
  gross_notional: null,
  daily_loss: null,
  drawdown: null,
  orders_per_minute: null,
  price_band: null,
}

export const DEFAULTS: Required<Limits> = {
  order_notional: '10000000',
  instrument_notional: '20000000',
  sleeve_notional: '20000000',
  gross_notional: '100000000',
  daily_loss: '2000000',
  drawdown: '0.5',
  orders_per_minute: 600,
  price_band: '0.1',
}

/** Limits of the mocked world: the user's, and by position. */
export const limits: { user: Limits; positions: Map<string, Limits> } = { user: NONE, positions: new Map() }

export function resetLimits(): void {
  limits.user = NONE
  limits.positions.clear()
}

const stricter = (...all: Limits[]): Limits => {
  const least = (name: keyof Limits) =>
    all
      .map((each) => each[name] ?? null)
      .reduce((a, b) => (a === null ? b : b === null || Number(a) <= Number(b) ? a : b))
  return Object.fromEntries(Object.keys(NONE).map((name) => [name, least(name as keyof Limits)])) as unknown as Limits
}

function view(): Schemas['LimitsView'] {
  const open = [...world.positions.values()].filter((each) => each.state === 'active')
  const gross = String(open.reduce((sum, each) => sum + Number(each.gross), 0))
  return {
    user: limits.user,
    defaults: DEFAULTS,
    effective: stricter(limits.user, DEFAULTS),
    usage: {
      gross_notional: gross,
      sleeve_notional: gross,
      instrument_notional: open.length > 0 ? '412.5' : '0',
      instruments: [],
      day_pnl: '-12.4',
      daily_loss: '12.4',
      equity: '9987.6',
      peak: '10010',
      peak_since: new Date().toISOString(),
      drawdown: '0.002237',
      orders_per_minute: 11,
      unpriced: [],
      as_of: new Date().toISOString(),
    },
  }
}

function positionView(id: string): Schemas['PositionLimitsView'] {
  const own = limits.positions.get(id) ?? NONE
  return { ...view(), position: own, effective: stricter(own, limits.user, DEFAULTS) }
}

export const limitsHandlers = [
  http.get('/api/limits', () => HttpResponse.json(view())),
  http.put('/api/limits', async ({ request }) => {
    limits.user = (await request.json()) as Limits
    return HttpResponse.json(view())
  }),
  http.get('/api/positions/:id/limits', ({ params }) => {
    const id = String(params['id'])
    return world.positions.has(id) ? HttpResponse.json(positionView(id)) : missing()
  }),
  http.put('/api/positions/:id/limits', async ({ params, request }) => {
    const id = String(params['id'])
    limits.positions.set(id, (await request.json()) as Limits)
    return HttpResponse.json(positionView(id))
  }),
]
