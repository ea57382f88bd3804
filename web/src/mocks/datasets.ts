import { http, HttpResponse } from 'msw'

import type { Schemas } from '@/api/client'

import { missing } from './answers'

type Dataset = Schemas['DatasetView']
type Import = Schemas['ImportView']

const made = (id: string, rest: Partial<Dataset>): Dataset => ({
  id,
  kind: 'bars',
  name: 'Hourly lab',
  series: `own:${id}`,
  file_name: 'hours.csv',
  size: 1_234_567,
  state: 'ready',
  rows: 17_520,
  rows_done: 17_520,
  wrong_rows: 0,
  problems: [],
  error: '',
  timeframe: '1h',
  first_at: '2022-01-01T00:00:00Z',
  last_at: '2023-12-31T23:00:00Z',
  created_at: new Date(Date.now() - 3_600_000).toISOString(),
  updated_at: new Date(Date.now() - 3_590_000).toISOString(),
  ...rest,
})

const nothing = { rows: 0, rows_done: 0, timeframe: null, first_at: null, last_at: null }

function world(): Dataset[] {
  return [
    made('00000000-0000-4000-8000-0000000000d1', {}),
    made('00000000-0000-4000-8000-0000000000d2', {
      kind: 'signals',
      name: 'Breakouts',
      series: 'binance:BTCUSDT',
      file_name: 'breakouts.csv',
      size: 8_400,
      rows: 212,
      rows_done: 212,
      timeframe: null,
    }),
    made('00000000-0000-4000-8000-0000000000d3', {
      name: 'Old export',
      file_name: 'export.csv',
      state: 'failed',
      error: '3 rows cannot be read; nothing was imported.',
      wrong_rows: 3,
      problems: [
        { row: 17, message: 'the same time twice' },
        { row: 204, message: 'the high 97 is below the open or the close' },
        { row: 1_002, message: "'n/a' is no number" },
      ],
      ...nothing,
    }),
  ]
}

/** The datasets of the mocked world, and the files on their way into the history of markets. */
export const datasets = { all: world(), imports: [] as Import[] }

export function resetDatasets(): void {
  datasets.all = world()
  datasets.imports = []
}

export const madeImport = (rest: Partial<Import>): Import => ({
  id: crypto.randomUUID(),
  series: 'binance:BTCUSDT',
  file_name: 'BTCUSDT-1m-2024-01.zip',
  size: 2_400_000,
  sha256: '0'.repeat(64),
  state: 'done',
  rows: 44_640,
  rows_done: 44_640,
  new: 44_000,
  same: 640,
  conflicting: 0,
  error: '',
  problems: [],
  created_at: new Date(Date.now() - 3_600_000).toISOString(),
  updated_at: new Date(Date.now() - 3_590_000).toISOString(),
  ...rest,
})

const find = (id: unknown) => datasets.all.find((each) => each.id === id)

export const datasetHandlers = [
  http.get('/api/signals', ({ request }) => {
    const series = new URL(request.url).searchParams.get('series') ?? ''
    return HttpResponse.json({ series, signals: [], more: false })
  }),
  http.get('/api/datasets', () =>
    HttpResponse.json({
      datasets: datasets.all.map((each) => ({ ...each, problems: [] })),
      quota: {
        datasets: datasets.all.length,
        most_datasets: 100,
        rows: datasets.all.reduce((sum, each) => sum + each.rows, 0),
        most_rows: 20_000_000,
        most_bytes: 209_715_200,
        most_rows_of_one: 5_000_000,
        most_signals: 100_000,
      },
    }),
  ),
  http.post('/api/datasets', () => {
    const id = crypto.randomUUID()
    const arrived = made(id, { name: 'mine', file_name: 'mine.csv', state: 'checking', ...nothing })
    datasets.all = [arrived, ...datasets.all]
    return HttpResponse.json(arrived, { status: 202 })
  }),
  http.get('/api/datasets/:id', ({ params }) => {
    const found = find(params['id'])
    return found ? HttpResponse.json(found) : missing()
  }),
  http.patch('/api/datasets/:id', async ({ params, request }) => {
    const found = find(params['id'])
    if (!found) return missing()
    Object.assign(found, await request.json())
    return HttpResponse.json(found)
  }),
  http.get('/api/data/imports', () => HttpResponse.json(datasets.imports)),
  http.post('/api/data/imports', ({ request }) => {
    const asked = new URL(request.url).searchParams
    const series = asked.get('series') ?? ''
    const arrived = madeImport({
      series,
      file_name: asked.get('file_name') ?? '',
      state: 'checking',
      rows: 0,
      rows_done: 0,
    })
    datasets.imports = [arrived, ...datasets.imports]
    return HttpResponse.json(arrived, { status: 202 })
  }),
  http.delete('/api/data/imports/:id', ({ params }) => {
    datasets.imports = datasets.imports.filter((each) => each.id !== params['id'])
    return new HttpResponse(null, { status: 204 })
  }),
  http.delete('/api/datasets/:id', ({ params }) => {
    datasets.all = datasets.all.filter((each) => each.id !== params['id'])
    return new HttpResponse(null, { status: 204 })
  }),
]
