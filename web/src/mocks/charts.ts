import { http, HttpResponse } from 'msw'

/** Layouts and drawings of the mocked world. */
export const kept = { drawings: new Map<string, unknown>(), layouts: [] as unknown[] }

export function resetCharts(): void {
  kept.drawings.clear()
  kept.layouts = []
}

const seriesOf = (request: Request) => new URL(request.url).searchParams.get('series') ?? ''

export const chartHandlers = [
  http.get('/api/charts/layouts', () => HttpResponse.json({ layouts: kept.layouts })),
  http.put('/api/charts/layouts', async ({ request }) => {
    const body = (await request.json()) as { layouts: unknown[] }
    kept.layouts = body.layouts
    return HttpResponse.json(body)
  }),
  http.get('/api/charts/drawings', ({ request }) =>
    HttpResponse.json({ drawings: kept.drawings.get(seriesOf(request)) ?? [] }),
  ),
  http.put('/api/charts/drawings', async ({ request }) => {
    const body = (await request.json()) as { drawings: unknown[] }
    kept.drawings.set(seriesOf(request), body.drawings)
    return HttpResponse.json(body)
  }),
]
