import { http, HttpResponse } from 'msw'

import { missing, problem } from './answers'

interface Kept {
  version: number
  is_default?: boolean
}

/** Layouts and drawings of the mocked world. */
export const kept = { drawings: new Map<string, Kept & { drawings: unknown[] }>(), layouts: new Map<string, Kept>() }

const seriesOf = (request: Request) => new URL(request.url).searchParams.get('series') ?? ''
const conflict = () => problem(409, 'conflict', 'It was changed since it was read.', 'Read it again.')

export const chartHandlers = [
  http.get('/api/charts/layouts', () => HttpResponse.json([...kept.layouts.values()])),
  http.put('/api/charts/layouts/:id', async ({ params, request }) => {
    const id = String(params['id'])
    const body = (await request.json()) as Kept
    if (body.version !== (kept.layouts.get(id)?.version ?? 0)) return conflict()
    if (body.is_default) for (const other of kept.layouts.values()) other.is_default = false
    const made = { ...body, id, version: body.version + 1, updated_at: new Date().toISOString() }
    kept.layouts.set(id, made)
    return HttpResponse.json(made)
  }),
  http.delete('/api/charts/layouts/:id', ({ params }) => {
    return kept.layouts.delete(String(params['id'])) ? new HttpResponse(null, { status: 204 }) : missing()
  }),
  http.get('/api/charts/drawings', ({ request }) => {
    const series = seriesOf(request)
    return HttpResponse.json({ series, ...(kept.drawings.get(series) ?? { version: 0, drawings: [] }) })
  }),
  http.put('/api/charts/drawings', async ({ request }) => {
    const series = seriesOf(request)
    const body = (await request.json()) as Kept & { drawings: unknown[] }
    if (body.version !== (kept.drawings.get(series)?.version ?? 0)) return conflict()
    const made = { ...body, version: body.version + 1 }
    kept.drawings.set(series, made)
    return HttpResponse.json({ series, ...made })
  }),
]
