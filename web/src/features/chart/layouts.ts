/** The layouts that an account keeps by name: one of them is in hand, and every change of the charts is a change of it. */
import { queryOptions } from '@tanstack/react-query'

import { answer, api } from '@/api/client'
import { ProblemError } from '@/api/problem'

import type { ChartSpec } from './engine/spec'
import { DEFAULT_SPEC, withSeries } from './engine/spec'
import type { Layout } from './layoutSync'
import { adopt, fetchLayouts, inTurn, putLayout, rename, settle, uuid } from './layoutSync'
import { forgetUnsent } from './layoutsUnsent'
import { userId } from './userStorage'
import { symbolWords } from './words'
import { workspace } from './workspace'

const MISSING = 404
/** Signed out, in a hurry or overtaken: whoever asks again may get another answer. */
const PASSING = [401, 408, 409, 429]
const MARKET = 'bybit:BTCUSDT'

/** By name, with all that was changed here as far as it can be saved. */
export const layoutsQuery = queryOptions({
  queryKey: ['layouts'],
  queryFn: async () => {
    await inTurn(settle).catch(() => undefined)
    return fetchLayouts()
  },
  staleTime: 0,
  retry: false,
  networkMode: 'always',
})

export const isOpen = ({ id }: Layout) => workspace.get().layout?.id === id

/** What is on the charts of a layout. */
export function chartsWords({ cells }: Layout): string {
  return cells.map(({ series, timeframe }) => `${symbolWords(series)} ${timeframe}`).join(', ')
}

/** What is in hand is refused as it is: it can only be left without its last changes. */
export class NotSaved extends ProblemError {
  constructor({ problem }: ProblemError) {
    const detail = `“${workspace.get().layout?.name}” cannot be saved as it is. ${problem.detail}`
    super({ ...problem, title: 'Your last changes are not saved.', detail })
  }
}

/** `anyway`: even if the last changes of what is in hand are lost by that. */
export function openLayout({ id }: Layout, anyway = false): Promise<Layout> {
  return showing(() => rewrite(id, { is_default: true }), anyway)
}

/** Keeps the charts as they are under another name too, and goes on with that one. */
export const saveLayoutAs = (name: string) => showing(() => putNew(name, workspace.get()), true)

/** Begins with one plain chart of what is in front. `anyway`: as in `openLayout`. */
export function newLayout(name: string, anyway = false): Promise<Layout> {
  const { cells, active } = workspace.get()
  const { series = MARKET, timeframe = DEFAULT_SPEC.timeframe } = cells[active] ?? {}
  const plain = withSeries({ ...DEFAULT_SPEC, series: MARKET, timeframe }, series)
  return showing(() => putNew(name, { cells: [plain], active: 0 }), anyway)
}

export function renameLayout({ id }: Layout, name: string): Promise<Layout> {
  return inTurn(async () => {
    await saved(true)
    const renamed = await rewrite(id, { name })
    if (isOpen(renamed)) rename(renamed)
    return renamed
  })
}

/** Shows `instead` first where the one to be deleted is in hand. Returns what can be restored. */
export async function deleteLayout(layout: Layout, instead: Layout | undefined): Promise<Layout> {
  if (isOpen(layout) && instead) await openLayout(instead, true)
  const now = (await fetchLayouts()).find(({ id }) => id === layout.id)
  const params = { path: { layout_id: layout.id } }
  await answer(api.DELETE('/api/charts/layouts/{layout_id}', { params })).catch((error: unknown) => {
    if (!(error instanceof ProblemError && error.problem.status === MISSING)) throw error
  })
  forgetUnsent(layout.id)
  return now ?? layout
}

/** `shows`: it was in hand when it was deleted. */
export function restoreLayout(layout: Layout, shows: boolean): Promise<Layout> {
  const put = () => putLayout({ ...layout, version: 0, is_default: shows })
  return shows ? showing(put) : inTurn(put)
}

/** The one changed last, besides this one. */
export function otherThan(layout: Layout, layouts: readonly Layout[]): Layout | undefined {
  return layouts
    .filter(({ id }) => id !== layout.id)
    .sort((one, other) => Date.parse(other.updated_at) - Date.parse(one.updated_at))[0]
}

/** Saves what is in hand, then shows the layout that the work ends with. */
function showing(work: () => Promise<Layout>, anyway = false): Promise<Layout> {
  const user = userId()
  return inTurn(async () => {
    await saved(anyway)
    const layout = await work()
    if (user === userId()) adopt(layout)
    return layout
  })
}

async function saved(anyway: boolean): Promise<void> {
  await settle().catch((error: unknown) => {
    if (!isRefusal(error)) throw error
    if (!anyway) throw new NotSaved(error)
  })
}

function isRefusal(error: unknown): error is ProblemError {
  const status = error instanceof ProblemError ? error.problem.status : 0
  return status >= 400 && status < 500 && !PASSING.includes(status)
}

/** Changes a layout as it is now, wherever it was changed last. */
async function rewrite(id: string, change: Partial<Layout>): Promise<Layout> {
  const now = (await fetchLayouts()).find((each) => each.id === id)
  if (!now) throw new ProblemError(GONE)
  return putLayout({ ...now, ...change })
}

function putNew(name: string, { cells, active }: { cells: ChartSpec[]; active: number }): Promise<Layout> {
  return putLayout({ id: uuid(), version: 0, name, is_default: true, cells, active })
}

const GONE = {
  type: '/problems/not-found',
  title: 'This layout is not there any more.',
  status: MISSING,
  detail: 'It was deleted on another device or in another tab.',
  instance: '',
  advice: '',
  request_id: '',
}
