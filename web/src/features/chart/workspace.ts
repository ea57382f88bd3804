/** The charts of the workspace, kept on this device. */
import { createStore } from '@/lib/store'

import type { ChartSpec } from './engine/spec'
import { DEFAULT_SPEC } from './engine/spec'

export interface Workspace {
  cells: ChartSpec[]
  active: number
}

const KEY = 'holdfast.workspace'

function stored(): Workspace {
  const fresh = { cells: [{ series: 'bybit:BTCUSDT', ...DEFAULT_SPEC }], active: 0 }
  try {
    const read = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Workspace | null
    const cells = read?.cells.map((cell) => ({ ...DEFAULT_SPEC, ...cell })) ?? []
    return cells.length > 0 ? { cells, active: Math.min(read?.active ?? 0, cells.length - 1) } : fresh
  } catch {
    return fresh
  }
}

export const workspace = createStore<Workspace>(stored())

export function changeWorkspace(change: Partial<Workspace>): void {
  workspace.set({ ...workspace.get(), ...change })
  localStorage.setItem(KEY, JSON.stringify(workspace.get()))
}

export function changeCell(index: number, change: Partial<ChartSpec>): void {
  const { cells } = workspace.get()
  changeWorkspace({ cells: cells.map((cell, at) => (at === index ? { ...cell, ...change } : cell)) })
}
