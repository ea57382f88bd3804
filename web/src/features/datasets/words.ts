import { money } from '@/lib/numbers'

import type { Dataset, Kind } from './queries'

export const KIND_WORDS: Record<Kind, string> = { bars: 'Bars', signals: 'Signals' }

export const STATE_WORDS: Record<Dataset['state'], string> = {
  waiting: 'Waiting',
  checking: 'Checking rows',
  writing: 'Storing',
  ready: 'Ready',
  failed: 'Not imported',
}

export const IMPORT_WORDS: Record<string, string> = {
  receiving: 'Arriving',
  waiting: 'Waiting',
  checking: 'Comparing with the market',
  writing: 'Storing',
  done: 'Stored',
  failed: 'Not imported',
}

export const count = (rows: number) => money(rows, 0)

export function size(bytes: number): string {
  if (bytes < 1024) return `${count(bytes)} B`
  if (bytes < 1024 ** 2) return `${count(bytes / 1024)} KB`
  return `${money(bytes / 1024 ** 2, 1)} MB`
}

/** "2024-01-01 00:00", in UTC. */
export const minute = (iso: string | null) => iso?.slice(0, 16).replace('T', ' ') ?? ''
