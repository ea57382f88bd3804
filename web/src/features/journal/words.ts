import { symbolWords } from '@/features/chart/words'
import { duration } from '@/lib/times'

import type { GroupBy, Mood, Trade } from './queries'

export const MOODS = [
  'calm',
  'confident',
  'eager',
  'anxious',
  'greedy',
  'frustrated',
  'bored',
] as const satisfies readonly Mood[]

/** What a trade is of. One entered by hand may be of own data or an index, which are kept by their ids. */
export const tradeName = ({ kind, series, name }: Trade) => (kind === 'hand' && series ? symbolWords(series) : name)

/** Where the figures of a trade come from. */
export const SOURCE_WORDS: Record<Trade['kind'], string> = {
  position: 'From the ledger',
  fills: 'From the ledger',
  hand: 'Entered by hand',
}

export const GROUPS: readonly [GroupBy, string][] = [
  ['tag', 'Tag'],
  ['symbol', 'Symbol'],
  ['setup', 'Setup'],
  ['mood', 'Mood'],
  ['weekday', 'Weekday'],
  ['hour', 'Hour'],
  ['direction', 'Side'],
]

/** What the symbol of a filter is called, as the entries call it. */
export function symbolShown(symbol: string, known: string[]): string {
  const series = known.find((each) => symbolOf(each).toLowerCase() === symbol.toLowerCase())
  return series ? symbolWords(series) : symbol
}

/** The symbol that a typed name means: of own data and indices the name is not what they are kept by. */
export function symbolMeant(typed: string, known: string[]): string {
  const name = typed.trim().toLowerCase()
  if (known.some((each) => symbolOf(each).toLowerCase() === name)) return typed
  const series = known.find((each) => symbolWords(each).toLowerCase() === name)
  return series ? symbolOf(series) : typed
}

/** "bybit:BTCUSDT" → "BTCUSDT". */
export const symbolOf = (series: string) => series.slice(series.indexOf(':') + 1)

const DAY_SECONDS = 86_400

/** "3 d 4 h", "1 h 5 min". */
export function held(seconds: number): string {
  const days = Math.floor(seconds / DAY_SECONDS)
  if (days === 0) return duration(seconds * 1000)
  const hours = Math.floor((seconds % DAY_SECONDS) / 3600)
  return hours > 0 ? `${days} d ${hours} h` : `${days} d`
}

/** An instant as a `datetime-local` input shows it, in UTC. */
export const inputOf = (iso: string) => new Date(iso).toISOString().slice(0, 19)

/** The instant that was typed into it; "" while it is none. */
export function instantOf(typed: string): string {
  const at = Date.parse(`${typed.length === 16 ? `${typed}:00` : typed}Z`)
  return Number.isNaN(at) ? '' : new Date(at).toISOString()
}

/** As the server keeps a tag. */
export const tagOf = (typed: string) =>
  typed.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ').replace(/^#+/, '').trim()
