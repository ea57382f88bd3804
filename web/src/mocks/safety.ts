import { http, HttpResponse } from 'msw'

import type { Incident } from '@/features/incidents/queries'
import type { Flatten, Stop, Target } from '@/features/safety/queries'

import { missing } from './answers'
import { CONNECTION, world } from './world'

/** Stops, flattenings and incidents of the mocked world. */
export const safety = {
  stops: [] as Stop[],
  flattenings: new Map<string, Flatten>(),
  incidents: [] as Incident[],
}

export function resetSafety(): void {
  safety.stops = []
  safety.flattenings.clear()
  safety.incidents = []
}

export function makeIncident(own: Partial<Incident>): Incident {
  return {
    id: crypto.randomUUID(),
    connection_id: CONNECTION.id,
    connection_label: CONNECTION.label,
    position_id: null,
    index_name: '',
    symbol: '',
    kind: 'manual_trade',
    severity: 'info',
    title: 'You traded by hand',
    text: 'Sold 0.01 BTC at 97,312.4 outside Holdfast. It is booked as your own and belongs to no position.',
    blocks: '',
    acknowledge: false,
    at: new Date(Date.now() - 240_000).toISOString(),
    seen_at: null,
    settled_at: null,
    ...own,
  }
}

function stop(target: Target, reason: string): Stop {
  const same = safety.stops.find(
    (each) =>
      each.scope === target.scope && each.position_id === (target.scope === 'position' ? target.position_id : null),
  )
  if (same) return same
  const made: Stop = {
    id: crypto.randomUUID(),
    scope: target.scope,
    position_id: target.scope === 'position' ? target.position_id : null,
    reason,
    by: 'you',
    since: new Date().toISOString(),
  }
  safety.stops = [...safety.stops, made]
  return made
}

/** Closes the next position of a flattening. */
function advanceFlatten(flatten: Flatten): Flatten {
  const next = flatten.positions.findIndex((each) => each.state === 'closing')
  const positions = flatten.positions.map((each, place) => {
    if (place !== next) return each
    const position = world.positions.get(each.position_id)
    if (position) {
      world.positions.set(position.id, { ...position, state: 'closed', closed_at: new Date().toISOString() })
    }
    return { ...each, state: 'done' as const, text: 'Closed.' }
  })
  const state = positions.some((each) => each.state === 'closing') ? 'running' : flatten.state
  return { ...flatten, positions, state: state === 'running' && next < 0 ? 'done' : state }
}

export const safetyHandlers = [
  http.get('/api/stops', () => HttpResponse.json(safety.stops)),
  http.post('/api/stops', async ({ request }) => {
    const body = (await request.json()) as Target & { reason?: string }
    return HttpResponse.json(stop(body, body.reason ?? ''), { status: 201 })
  }),
  http.delete('/api/stops/:id', ({ params }) => {
    safety.stops = safety.stops.filter((each) => each.id !== params['id'])
    return new HttpResponse(null, { status: 204 })
  }),
  http.post('/api/flatten', async ({ request }) => {
    const target = (await request.json()) as Target
    const open = [...world.positions.values()].filter(
      (each) => each.state === 'active' && (target.scope === 'user' || each.id === target.position_id),
    )
    const flatten: Flatten = {
      id: crypto.randomUUID(),
      scope: target.scope,
      state: open.length > 0 ? 'running' : 'done',
      stop_id: stop(target, 'Flattened').id,
      positions: open.map((each) => ({
        position_id: each.id,
        state: 'closing',
        execution_id: each.execution_id,
        text: '',
      })),
      created_at: new Date().toISOString(),
      finished_at: null,
    }
    safety.flattenings.set(flatten.id, flatten)
    safety.stops = safety.stops.map((each) =>
      each.id === flatten.stop_id ? { ...each, flatten_id: flatten.id } : each,
    )
    return HttpResponse.json(flatten, { status: 202 })
  }),
  http.get('/api/flatten/:id', ({ params }) => {
    const flatten = safety.flattenings.get(String(params['id']))
    if (!flatten) return missing()
    const later = flatten.state === 'running' ? advanceFlatten(flatten) : flatten
    safety.flattenings.set(flatten.id, later)
    return HttpResponse.json(flatten)
  }),
  http.get('/api/incidents', ({ request }) => {
    const query = new URL(request.url).searchParams
    const items = safety.incidents.filter(
      (each) =>
        (query.get('state') === 'all' || !each.settled_at) &&
        (!query.get('position') || each.position_id === query.get('position')),
    )
    return HttpResponse.json({ items, next_cursor: null })
  }),
  http.post('/api/incidents/:id/seen', ({ params }) => {
    const now = new Date().toISOString()
    safety.incidents = safety.incidents.map((each) =>
      each.id === params['id']
        ? { ...each, seen_at: now, settled_at: each.acknowledge ? now : each.settled_at, acknowledge: false }
        : each,
    )
    return new HttpResponse(null, { status: 204 })
  }),
]
