import { http, HttpResponse } from 'msw'

import type { Timeframe } from '@/features/chart/data/timeframes'
import type { Schemas } from '@/api/client'
import type { CheckView, Fault, Findings, ScriptView, VersionView } from '@/features/scripts/types'

import { missing, problem } from './answers'
import { COLUMNS_TYPE, encode, pageOf } from './candles'
import { EXAMPLES, REFERENCE } from './scriptTexts'

/** A world in which every script is a moving average with signals, unless its text says otherwise. */
interface Kept {
  view: ScriptView
  versions: VersionView[]
}

const LENGTH: Schemas['ScriptInput'] = { name: 'length', label: 'Length', kind: 'int', default: 20, min: 2, max: 500, step: 1, options: null, help: 'Bars of the mean.' } // prettier-ignore
const SHORTS: Schemas['ScriptInput'] = { name: 'shorts', label: 'Short too', kind: 'bool', default: false, min: null, max: null, step: null, options: null, help: '' } // prettier-ignore
const CLEAN: Findings = { state: 'clean', findings: [], complete: true, runs: 11, bars: 2_000, series: 'bybit:BTCUSDT', timeframe: '1h' } // prettier-ignore
const AHEAD: Findings = {
  ...CLEAN,
  state: 'suspect',
  findings: [
    {
      kind: 'future',
      output: 'Mean',
      time: 1_795_000_000,
      text: '“Mean” at a bar changed once later bars were there: it uses prices that nobody could know yet.',
    },
  ],
}

function faultOf(source: string): Fault | null {
  const lines = source.split('\n')
  const broken = lines.findIndex((line) => /\boops\b/.test(line))
  if (broken >= 0)
    return { kind: 'script', message: 'There is no “oops” here. Did you mean “ohlc4”?', line: broken + 1 }
  const open = lines.findIndex((line) => line.split('(').length > line.split(')').length)
  return open < 0 ? null : { kind: 'syntax', message: 'This bracket is never closed.', line: open + 1 }
}

const titleOf = (source: string) => /script\("([^"]+)"/.exec(source)?.[1] ?? 'Script'
const findingsOf = (source: string) => (source.includes('[::-1]') ? AHEAD : CLEAN)

function made(id: string, name: string, source: string, version: number, before: VersionView[] = []): Kept {
  const at = new Date(Date.now() - 3_600_000 * (before.length === 0 ? 30 : 0)).toISOString()
  const error = faultOf(source)
  const said = { title: titleOf(source), overlay: true, pane: '', inputs: error ? [] : [LENGTH, SHORTS], error }
  const findings: Findings = error ? { ...CLEAN, state: 'unchecked' } : findingsOf(source)
  const row: VersionView = { number: version, sha256: String(version).repeat(64).slice(0, 64), created_at: at, script_id: id, source, findings, ...said } // prettier-ignore
  const versions = [row, ...before]
  const view = { id, name, version, source, sha256: row.sha256, findings, ...said, created_at: versions.at(-1)?.created_at ?? at, updated_at: at, versions: versions.map(({ number, title, sha256, created_at }) => ({ number, title, sha256, created_at })) } // prettier-ignore
  return { view, versions }
}

const ID = (number: number) => `00000000-0000-4000-8000-00000000a00${number}`
const first = EXAMPLES[0]?.source ?? ''

function world(): Map<string, Kept> {
  const older = made(ID(1), 'Trend with room', first.replace('20', '14'), 1).versions
  return new Map([
    [ID(1), made(ID(1), 'Trend with room', first, 2, older)],
    [ID(2), made(ID(2), 'Looks too far', `${first}\n# mean = mean[::-1]\n`, 1)],
    [ID(3), made(ID(3), 'Not finished', 'script("Not finished")\nplot(oops, "Oops")\n', 1)],
  ])
}

export const scripts = { all: world() }

export function resetScripts(): void {
  scripts.all = world()
}

const find = (id: unknown) => scripts.all.get(String(id))

function saved(made: string) {
  const { id, name, version, sha256, updated_at } = find(made)?.view ?? {}
  return { id, name, version, sha256, updated_at }
}

function values(query: URLSearchParams, source: string, length: number): Response {
  const fault = faultOf(source)
  if (fault) return refusal(fault)
  const symbol = query.get('series')?.split(':')[1] ?? ''
  const timeframe = query.get('timeframe') as Timeframe
  const wider = new URLSearchParams(query)
  wider.set('limit', String(Math.min(2_000, Number(query.get('limit') ?? 500) + 600)))
  const { rows } = pageOf(symbol, timeframe, wider)
  const { from, until, more, forming } = pageOf(symbol, timeframe, query)
  const closes = rows.map((row) => row[4] ?? NaN)
  const mean = closes.map((_, at) => (at < length - 1 ? NaN : closes.slice(at - length + 1, at + 1).reduce((sum, close) => sum + close, 0) / length)) // prettier-ignore
  const side = closes.map((close, at) => Math.sign(close - (mean[at] ?? NaN)) || 0)
  const crossed = side.map((now, at) => (now > 0 && (side[at - 1] ?? 0) < 0 ? 1 : 0))
  const drawn = rows.map((row, at) => [row[0] ?? 0, mean[at] ?? NaN, crossed[at] ?? 0, side[at] ?? 0, side[at] === 1 ? 1 : 0]) // prettier-ignore
  const header = {
    series: query.get('series'), timeframe, from, until, more, forming, gaps: [], backfill: null, warmup: 1_000,
    title: titleOf(source), overlay: true, pane: '', inputs: [LENGTH, SHORTS], logs: [],
    plots: [{ id: 'mean', label: 'Mean', kind: 'line', pane: 'price', colour: 0 }],
    lines: [], markers: [{ label: 'crossed up', shape: 'up', at: 'below', colour: 1 }],
  } // prettier-ignore
  const kept = drawn.filter(([time = 0]) => time >= from)
  const names = ['time', 'mean', 'marker:0', 'signals', 'target']
  return new HttpResponse(encode(kept, header, names), { headers: { 'Content-Type': COLUMNS_TYPE } })
}

function refusal({ kind, message, line }: Fault): Response {
  const body = { type: '/problems/script', title: 'The script gave no result.', status: 422, detail: message, instance: '', advice: '', request_id: 'req-mock-0001', kind, line } // prettier-ignore
  return HttpResponse.json(body, { status: 422, headers: { 'Content-Type': 'application/problem+json' } })
}

function checked(source: string, series: string | null, timeframe: string | null): CheckView {
  const error = faultOf(source)
  const logs = source.includes('log(') ? ['mean of the last bar: 97012.4'] : []
  return {
    title: titleOf(source), overlay: true, pane: '', inputs: error ? [] : [LENGTH, SHORTS], logs, error,
    outputs: error ? null : {
      plots: [{ id: 'mean', label: 'Mean', kind: 'line', pane: 'price', colour: 0 }], lines: [],
      markers: [{ label: 'crossed up', shape: 'up', at: 'below', colour: 1, count: 31 }],
      alerts: [{ message: '{symbol} is above its mean', count: 31 }],
      recent: [], signals: { up: 31, down: 30 }, target: { given: 2_000, lowest: 0, highest: 1 },
    },
    findings: error ? { ...CLEAN, state: 'unchecked' } : findingsOf(source), series, timeframe: (timeframe ?? '1h') as Timeframe, bars: 2_000,
  } // prettier-ignore
}

export const scriptHandlers = [
  http.get('/api/scripts', () => HttpResponse.json([...scripts.all.values()].map(({ view }) => view))),
  http.get('/api/scripts/examples', () => HttpResponse.json(EXAMPLES)),
  http.get('/api/scripts/reference', () => HttpResponse.json({ names: REFERENCE })),
  http.post('/api/scripts/check', async ({ request }) => {
    const { source, series, timeframe } = (await request.json()) as Record<string, string>
    return HttpResponse.json(checked(source ?? '', series ?? null, timeframe ?? null))
  }),
  http.post('/api/scripts/preview', async ({ request }) => {
    const { source, inputs, ...rest } = (await request.json()) as { source: string; inputs: Record<string, number> }
    const query = new URLSearchParams(Object.entries(rest).map(([name, value]) => [name, String(value)]))
    return values(query, source, Number(inputs['length'] ?? 20))
  }),
  http.post('/api/scripts', async ({ request }) => {
    const { name, source } = (await request.json()) as { name: string; source: string }
    const id = crypto.randomUUID()
    scripts.all = new Map([[id, made(id, name, source, 1)], ...scripts.all])
    return HttpResponse.json(saved(id), { status: 201 })
  }),
  http.get('/api/scripts/:id', ({ params }) => {
    const found = find(params['id'])
    return found ? HttpResponse.json(found.view) : missing()
  }),
  http.get('/api/scripts/:id/versions/:number', ({ params }) => {
    const found = find(params['id'])?.versions.find((each) => each.number === Number(params['number']))
    return found ? HttpResponse.json(found) : missing()
  }),
  http.put('/api/scripts/:id', async ({ params, request }) => {
    const found = find(params['id'])
    if (!found) return missing()
    const body = (await request.json()) as { name?: string; source: string; version: number }
    const { view, versions } = found
    if (body.version !== view.version) return problem(409, 'conflict', 'It was changed since it was read.')
    const isSame = body.source === view.source
    const next = made(view.id, body.name ?? view.name, body.source, view.version + (isSame ? 0 : 1), isSame ? versions.slice(1) : versions) // prettier-ignore
    scripts.all.set(view.id, next)
    return HttpResponse.json(saved(view.id))
  }),
  http.delete('/api/scripts/:id', ({ params }) => {
    scripts.all.delete(String(params['id']))
    return new HttpResponse(null, { status: 204 })
  }),
  http.get('/api/scripts/:id/values', ({ params, request }) => {
    const found = find(params['id'])
    const query = new URL(request.url).searchParams
    return found ? values(query, found.view.source, Number(query.get('in.length') ?? 20)) : missing()
  }),
]
