/** The chart somebody looked at last on this device; it opens when no symbol is named. */
import { keep, keyOf } from './userStorage'

const KEY = 'holdfast.chart'
const FIRST = { source: 'bybit', symbol: 'BTCUSDT' }

export function rememberChart(source: string, symbol: string, tf: string): void {
  keep('localStorage', KEY, { source, symbol, tf })
}

export function lastChart() {
  const { source, symbol, tf } = stored()
  return { to: '/chart/$source/$symbol' as const, params: { source, symbol }, search: tf ? { tf } : {} }
}

function stored(): { source: string; symbol: string; tf?: string } {
  try {
    return { ...FIRST, ...(JSON.parse(localStorage.getItem(keyOf(KEY)) ?? '{}') as Partial<typeof FIRST>) }
  } catch {
    return FIRST
  }
}
