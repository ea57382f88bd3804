/** Price alerts: the server watches them and tells when a price is reached, whether a page is open or not. */
import type { Schemas } from '@/api/client'
import { plainNumber, price as priceText } from '@/lib/numbers'

import { symbolWords } from '../words'

export type Alert = Schemas['AlertView']
export type FiredAlert = Schemas['FiredAlertView']
export type NewAlert = Schemas['NewAlert']

/** What the stream topic `alerts` pushes: all alerts, and the latest that fired, newest first. */
export interface AlertsState {
  alerts: Alert[]
  fired: FiredAlert[]
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
