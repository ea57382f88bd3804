/** Price alerts: the server watches them and tells when a price is reached, whether a page is open or not. */
import type { Schemas } from '@/api/client'
import { plainNumber, price as priceText } from '@/lib/numbers'

import { symbolWords } from '../words'

export type Alert = Schemas['AlertView']
export type FiredAlert = Schemas['FiredAlertView']
export type NewAlert = Schemas['NewAlert']

/** How many of what fired a frame holds. */
export const LATEST_FIRED = 20

/** What the stream topic `alerts` pushes: all alerts, and those that fired last, newest first. */
export interface AlertsState {
  alerts: Alert[]
  fired: FiredAlert[]
}

/** How many of what fired are read at once. */
export const MOST_FIRED = 200

/** `more`: there are others, which are too far back to be known. */
export interface Untold {
  fired: FiredAlert[]
  more: boolean
}

/** What of a frame fired after the frame `before`. More may have than one holds, because a page that takes its time
 * gets the latest frame only: then everything is read, up to this frame. */
export async function untold(
  fired: FiredAlert[],
  before: FiredAlert[],
  readAll: () => Promise<FiredAlert[]>,
): Promise<Untold> {
  const known = new Set(before.map(({ id }) => id))
  const fresh = fired.filter(({ id }) => !known.has(id))
  if (fresh.length < LATEST_FIRED) return { fired: fresh, more: false }
  const [since, until] = [newest(before), newest(fired)]
  const all = await readAll().catch(() => null)
  if (!all) return { fired: fresh, more: true }
  const between = all.filter(({ number }) => number > since && number <= until)
  return { fired: between, more: all.length >= MOST_FIRED && all.every(({ number }) => number > since) }
}

function newest(fired: FiredAlert[]): number {
  return Math.max(0, ...fired.map(({ number }) => number))
}

export const DIRECTION_WORDS: Record<Alert['direction'], string> = {
  either: 'from either side',
  above: 'from below',
  below: 'from above',
}

/** Own data does not go on, so there is nothing to wait for. */
export function isWatchable(series: string): boolean {
  return !series.startsWith('own:')
}

/** A price that was pointed at, as the API takes it, with the decimals of its series. */
export function pointedPrice(value: number, decimals: number): string {
  const scale = 10 ** decimals
  return plainNumber(Math.round(value * scale) / scale)
}

/** "BTCUSDT reached 64,000.00 from below". */
export function firedWords({ series, price, direction, note }: FiredAlert): string {
  const words = `${symbolWords(series)} reached ${priceText(price)} ${DIRECTION_WORDS[direction]}`
  return note ? `${words}: ${note}` : words
}

/** What a line says beside its price, which stands on the scale. */
export function lineWords({ direction, note, repeat }: Alert): string {
  const arrow = { either: '', above: ' ↑', below: ' ↓' }[direction]
  return `${note || 'Alert'}${arrow}${repeat === 'every' ? ' · every time' : ''}`
}

/** The same alert with a change, armed anew. */
export function changed({ series, direction, price, repeat, note }: Alert, change: Partial<NewAlert>): NewAlert {
  return { series, direction, price, repeat, note, active: true, ...change }
}
