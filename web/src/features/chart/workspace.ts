/** The charts of the workspace, kept on this device for every user apart. */
import { createStore } from '@/lib/store'

import { asTimeframe } from './data/timeframes'
import type { ChartSpec } from './engine/spec'
import { DEFAULT_SPEC, isOwn } from './engine/spec'
import { keep, keyOf, onOtherUser, userId } from './userStorage'

export interface Workspace {
  cells: ChartSpec[]
  active: number
  /** The layout of the account that these charts are. */
  layout?: { id: string; name: string } | undefined
  /** There are changes here that the account has not got yet: a page may be closed right after one. */
  unsent?: boolean | undefined
}

export const MOST_CHARTS = 4

const KEY = 'holdfast.workspace'
const FRESH: Workspace = { cells: [{ series: 'bybit:BTCUSDT', ...DEFAULT_SPEC }], active: 0 }

/** What was stored, as far as it can be shown; null when it cannot. */
export function readWorkspace(stored: unknown): Workspace | null {
  if (typeof stored !== 'object' || stored === null) return null
  const { cells, active, layout, unsent } = stored as Partial<Workspace>
  if (!Array.isArray(cells)) return null
  const known = cells.flatMap((cell) => readCell(cell) ?? []).slice(0, MOST_CHARTS)
  const front = Math.min(Math.max(0, active ?? 0), known.length - 1)
  return known.length > 0 ? { cells: known, active: front, layout, unsent } : null
}

/** One chart that was stored, as far as it can be shown. */
export function readCell(stored: unknown): ChartSpec | null {
  const cell = stored as Partial<ChartSpec> | null | undefined
  if (typeof cell?.series !== 'string' || !cell.series.includes(':') || !asTimeframe(cell.timeframe)) return null
  return { ...DEFAULT_SPEC, ...cell, marks: { ...DEFAULT_SPEC.marks, ...cell.marks } } as ChartSpec
}

/** Whoever has none here yet begins with the markets of a visitor. */
function stored(): Workspace {
  return (userId() ? storedOf(userId()) : null) ?? marketsOf(storedOf('')) ?? FRESH
}

/** Each tab has what it showed; a new one begins with what was changed last on this device. */
function storedOf(user: string): Workspace | null {
  const key = keyOf(KEY, user)
  try {
    return readWorkspace(JSON.parse(sessionStorage.getItem(key) ?? localStorage.getItem(key) ?? 'null'))
  } catch {
    return null
  }
}

function marketsOf(visitors: Workspace | null): Workspace | null {
  return visitors && readWorkspace({ ...visitors, cells: visitors.cells.filter((cell) => !isOwn(cell.series)) })
}

export const workspace = createStore<Workspace>(stored())

onOtherUser(() => workspace.set(stored()))

/** The chart in front was brought there, and the address is to follow. */
export const ahead = createStore(false)

export function changeWorkspace(change: Partial<Workspace>): void {
  workspace.set({ ...workspace.get(), ...change })
  for (const where of ['sessionStorage', 'localStorage'] as const) keep(where, KEY, workspace.get())
}

export function changeCell(index: number, change: Partial<ChartSpec>): void {
  const { cells } = workspace.get()
  changeWorkspace({ cells: cells.map((cell, at) => (at === index ? { ...cell, ...change } : cell)) })
}

/** Shows one to four charts: new ones begin as the one in front, which stays in front. */
export function setChartCount(count: number): void {
  const { cells, active } = workspace.get()
  const front = cells[active] ?? cells[0]
  if (!front) return
  const wanted = Math.max(1, Math.min(MOST_CHARTS, count))
  const kept = active < wanted ? cells.slice(0, wanted) : [...cells.slice(0, wanted - 1), front]
  const added = Array.from({ length: wanted - kept.length }, () => ({ ...front, indicators: [], compare: [] }))
  changeWorkspace({ cells: [...kept, ...added], active: Math.min(active, wanted - 1) })
}
