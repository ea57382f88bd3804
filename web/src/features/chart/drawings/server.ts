/** Drawings as the server keeps them: one versioned list a series, prices as decimal strings. */
import { answer, api } from '@/api/client'
import { ProblemError } from '@/api/problem'
import { plainNumber } from '@/lib/numbers'

import { userId } from '../userStorage'
import type { Drawing } from './model'
import { readDrawings } from './model'
import { merged } from './merge'

/** All drawings on a series as the server has them; `version` counts the writes. */
export interface Kept {
  version: number
  drawings: readonly Drawing[]
}

export interface SyncPorts {
  load: (series: string) => Promise<Kept>
  /**
   * Writes `drawings`, which were made from `base`, and gives what is kept then; `key`: the same for every try with
   * the same drawings.
   */
  save: (series: string, drawings: readonly Drawing[], base: Kept, key: string) => Promise<Kept>
  /** Whose drawings these are, '' of a visitor. */
  user: () => string
}

const CONFLICT = 409

async function load(series: string): Promise<Kept> {
  const { version, drawings } = await answer(api.GET('/api/charts/drawings', { params: { query: { series } } }))
  const read = drawings.map((drawing) => ({
    ...drawing,
    anchors: drawing.anchors.map(({ time, price }) => ({ time, price: Number(price) })),
  }))
  return { version, drawings: readDrawings(read) }
}

async function write(series: string, version: number, drawings: readonly Drawing[], key: string): Promise<Kept> {
  const body = {
    version,
    drawings: drawings.map((drawing) => ({
      ...drawing,
      anchors: drawing.anchors.map(({ time, price }) => ({ time: Math.round(time), price: plainNumber(price) })),
    })),
  }
  const params = { query: { series }, header: { 'idempotency-key': key } }
  const kept = await answer(api.PUT('/api/charts/drawings', { params, body }))
  return { version: kept.version, drawings }
}

/** Where another device wrote meanwhile, its changes and ours are put together. */
async function save(series: string, drawings: readonly Drawing[], base: Kept, key: string): Promise<Kept> {
  try {
    return await write(series, base.version, drawings, key)
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.status !== CONFLICT) throw error
    const theirs = await load(series)
    return write(series, theirs.version, merged(base.drawings, drawings, theirs.drawings), `${key}-${theirs.version}`)
  }
}

export const serverPorts: SyncPorts = { load, save, user: userId }
