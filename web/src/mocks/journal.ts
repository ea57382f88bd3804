import { http, HttpResponse } from 'msw'

import type { Schemas } from '@/api/client'

import { missing, problem } from './answers'

type Entry = Schemas['EntryView']
type Trade = Schemas['TradeView']

export const makeTrade = (rest: Partial<Trade> = {}): Trade => ({
  kind: 'fills',
  state: 'closed',
  series: 'bybit:BTCUSDT',
  name: 'BTCUSDT',
  direction: 'short',
  entry_at: '2026-11-02T10:00:00Z',
  exit_at: '2026-11-02T15:30:00Z',
  quantity: '0.5',
  entry_price: '101000',
  exit_price: '100000',
  value: '50500',
  fees: '40',
  funding: '1.5',
  price_pnl: '500',
  pnl: '461.5',
  other_fees: [],
  legs: [
    {
      symbol: 'BTCUSDT',
      direction: 'short',
      quantity: '0.5',
      open_quantity: '0',
      entry_price: '101000',
      exit_price: '100000',
      fees: '40',
      funding: '1.5',
      pnl: '461.5',
    },
  ],
  position_id: null,
  fills: ['e1', 'e2'],
  ...rest,
})

export const makeEntry = (number: number, rest: Partial<Entry> = {}): Entry => ({
  id: `00000000-0000-4000-8000-0000000000${String(number).padStart(2, '0')}`,
  version: 1,
  title: `Entry ${number}`,
  text: '',
  series: '',
  happened_at: '2026-11-02T10:00:00Z',
  mood: null,
  rating: null,
  setup: '',
  tags: [],
  trade: null,
  images: [],
  created_at: '2026-11-02T10:00:00Z',
  updated_at: '2026-11-02T10:00:00Z',
  ...rest,
})

const figures: Schemas['FiguresView'] = {
  trades: 4,
  won: 3,
  lost: 1,
  win_rate: 0.75,
  total: '620.5',
  average: '155.125',
  average_win: '240.5',
  average_loss: '-101',
  profit_factor: 7.14,
  expectancy: 1.54,
  largest_loss: '-101',
  holding_seconds: 97_200,
}

export const makeStatistics = (rest: Partial<Schemas['StatisticsView']> = {}): Schemas['StatisticsView'] => ({
  by: 'tag',
  overall: figures,
  groups: [
    { ...figures, key: 'plan', label: 'plan' },
    { ...figures, key: 'fomo', label: 'fomo', trades: 1, won: 0, lost: 1, win_rate: 0, total: '-101' },
  ],
  curve: [
    { at: '2026-11-02T15:30:00Z', pnl: '461.5', total: '461.5' },
    { at: '2026-11-03T15:30:00Z', pnl: '159', total: '620.5' },
  ],
  open: 1,
  by_hand: 2,
  ...rest,
})

function world(): Entry[] {
  return [
    makeEntry(1, {
      title: 'Sold the failed break',
      text: 'It came back into the range.\n<b>Waited</b> for the close.',
      series: 'bybit:BTCUSDT',
      mood: 'calm',
      rating: 4,
      setup: 'Range break',
      tags: ['plan', 'range'],
      trade: makeTrade(),
      images: [
        { id: '00000000-0000-4000-8000-0000000000f1', content_type: 'image/png', width: 3, height: 2, size: 80 },
      ],
    }),
    makeEntry(2, {
      title: 'Elsewhere',
      tags: ['fomo'],
      trade: makeTrade({ kind: 'hand', name: '', series: '', legs: [], fills: [], pnl: '-101' }),
    }),
    makeEntry(3, { title: 'Only a thought' }),
  ]
}

/** The journal of the mocked world. `bodies`: what was asked to be written. */
export const journal = { all: world(), deleted: [] as Entry[], bodies: [] as unknown[], keys: [] as string[] }

export function resetJournal(): void {
  Object.assign(journal, { all: world(), deleted: [], bodies: [], keys: [] })
}

const find = (id: unknown) => journal.all.find((each) => each.id === id)

const TINY_PNG = Uint8Array.from(
  atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='),
  (sign) => sign.charCodeAt(0),
)

function entryFrom(body: Schemas['NewEntry'], old: Entry): Entry {
  const { images, trade, ...rest } = body
  const kept = (images ?? []).map((id) => ({ id, content_type: 'image/png', width: 1, height: 1, size: 70 }))
  return {
    ...old,
    ...rest,
    tags: rest.tags ?? [],
    mood: rest.mood ?? null,
    rating: rest.rating ?? null,
    images: kept,
    trade: trade ? makeTrade({ kind: trade.kind }) : null,
  }
}

export const journalHandlers = [
  http.get('/api/journal/entries', ({ request }) => {
    const asked = new URL(request.url).searchParams
    const tag = asked.get('tag')
    const words = asked.get('q')?.toLowerCase() ?? ''
    const items = journal.all.filter(
      (each) => (!tag || each.tags.includes(tag)) && each.title.toLowerCase().includes(words),
    )
    return HttpResponse.json({ items, next_cursor: null })
  }),
  http.post('/api/journal/entries', async ({ request }) => {
    const body = (await request.json()) as Schemas['NewEntry']
    journal.bodies.push(body)
    journal.keys.push(request.headers.get('idempotency-key') ?? '')
    const made = entryFrom(body, makeEntry(90 + journal.all.length))
    journal.all = [made, ...journal.all]
    return HttpResponse.json(made, { status: 201 })
  }),
  http.get('/api/journal/entries/:id', ({ params }) => {
    const found = find(params['id'])
    return found ? HttpResponse.json(found) : missing()
  }),
  http.put('/api/journal/entries/:id', async ({ params, request }) => {
    const body = (await request.json()) as Schemas['ChangedEntry']
    const found = find(params['id'])
    if (!found) return missing()
    journal.bodies.push(body)
    const { version, ...rest } = body
    if (version !== found.version)
      return problem(409, 'conflict', 'This entry was changed elsewhere since you read it.')
    Object.assign(found, entryFrom(rest, found), { version: version + 1 })
    return HttpResponse.json(found)
  }),
  http.delete('/api/journal/entries/:id', ({ params }) => {
    journal.deleted = journal.all.filter((each) => each.id === params['id'])
    journal.all = journal.all.filter((each) => each.id !== params['id'])
    return new HttpResponse(null, { status: 204 })
  }),
  http.post('/api/journal/entries/:id/restore', ({ params }) => {
    const back = journal.deleted.find((each) => each.id === params['id'])
    if (!back) return missing()
    journal.all = [back, ...journal.all]
    return HttpResponse.json(back)
  }),
  http.post('/api/journal/trades', () => HttpResponse.json(makeTrade())),
  http.get('/api/journal/statistics', ({ request }) => {
    const by = new URL(request.url).searchParams.get('by') as Schemas['StatisticsView']['by']
    const groups = [{ ...figures, key: '1', label: 'Monday' }]
    return HttpResponse.json(makeStatistics(by === 'weekday' ? { by, groups } : { by }))
  }),
  http.get('/api/journal/labels', () =>
    HttpResponse.json({
      tags: [{ name: 'plan', entries: 3 }],
      setups: [{ name: 'Range break', entries: 2 }],
      series: [{ name: 'bybit:BTCUSDT', entries: 2 }],
    }),
  ),
  http.get('/api/journal/marks', () => HttpResponse.json([])),
  http.post('/api/journal/images', () => {
    const id = crypto.randomUUID()
    return HttpResponse.json({ id, content_type: 'image/png', width: 1, height: 1, size: 70 }, { status: 201 })
  }),
  http.get('/api/journal/images/:id', () =>
    HttpResponse.arrayBuffer(TINY_PNG.buffer, { headers: { 'Content-Type': 'image/png' } }),
  ),
]
