/** Drawings as the server keeps them: one versioned list a series, prices as decimal strings. */
import { answer, api } from '@/api/client'
import { ProblemError } from '@/api/problem'
import { session } from '@/api/session'
import { plainNumber } from '@/lib/numbers'

import type { Drawing } from './model'
import { readDrawings } from './model'

export interface SyncPorts {
  load: (series: string) => Promise<Drawing[]>
  /** `key`: the same for every try with the same drawings. */
  save: (series: string, drawings: readonly Drawing[], key: string) => Promise<void>
  signedIn: () => boolean
}

const CONFLICT = 409

/** Of the drawings that were read last. */
const versions = new Map<string, number>()

async function load(series: string): Promise<Drawing[]> {
  const kept = await answer(api.GET('/api/charts/drawings', { params: { query: { series } } }))
  versions.set(series, kept.version)
  return readDrawings(
    kept.drawings.map((drawing) => ({
      ...drawing,
      anchors: drawing.anchors.map(({ time, price }) => ({ time, price: Number(price) })),
    })),
  )
}

async function write(series: string, drawings: readonly Drawing[], key: string): Promise<void> {
  const body = {
    version: versions.get(series) ?? 0,
    drawings: drawings.map((drawing) => ({
      ...drawing,
      anchors: drawing.anchors.map(({ time, price }) => ({ time: Math.round(time), price: plainNumber(price) })),
    })),
  }
  const params = { query: { series }, header: { 'idempotency-key': key } }
  const { version } = await answer(api.PUT('/api/charts/drawings', { params, body }))
  versions.set(series, version)
}

/** Where another device changed them meanwhile, what either has drawn is kept. */
async function save(series: string, drawings: readonly Drawing[], key: string): Promise<void> {
  if (!versions.has(series)) await load(series)
  try {
    await write(series, drawings, key)
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.status !== CONFLICT) throw error
    const theirs = await load(series)
    const ours = new Set(drawings.map((each) => each.id))
    const both = [...theirs.filter((each) => !ours.has(each.id)), ...drawings]
    await write(series, both, `${key}-${versions.get(series) ?? 0}`)
  }
}

export const serverPorts: SyncPorts = { load, save, signedIn: () => session.get().status === 'in' }
