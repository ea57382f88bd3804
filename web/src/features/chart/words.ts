import { splitSeries } from './data/series'
import type { ChartType, ScaleMode } from './engine/spec'
import { isOwn } from './engine/spec'
import { ownSeries } from './own/store'

export const TYPE_WORDS: Record<ChartType, string> = {
  candles: 'Candles',
  'heikin-ashi': 'Heikin-Ashi',
  bars: 'Bars',
  line: 'Line',
  area: 'Area',
}

export const SCALE_WORDS: Record<ScaleMode, string> = {
  linear: 'Linear',
  log: 'Logarithmic',
  percent: 'Percent',
}

const SOURCES: Record<string, string> = {
  binance: 'Binance spot',
  bybit: 'Bybit perpetual',
  index: 'Holdfast index',
  own: 'Own data',
}

export function sourceWords(source: string): string {
  return SOURCES[source] ?? source
}

const INDICES: Record<string, string> = {
  'btc-d': 'BTC.D',
  'eth-d': 'ETH.D',
  'eth-btc': 'ETH/BTC',
  'top-10': 'TOP10',
}

/** What a series is called beside its source: "BTCUSDT", "BTC.D", what its owner calls own data. */
export function symbolWords(series: string): string {
  const [source, symbol] = splitSeries(series)
  if (isOwn(series)) return ownSeries.get().get(series)?.name ?? 'Your data'
  return source === 'index' ? (INDICES[symbol] ?? symbol) : symbol
}

const GAP_REASONS: Record<string, string> = {
  exchange_down: 'the exchange was down',
  not_listed: 'not listed yet',
  not_traded: 'halted or no longer listed',
  not_fetched: 'not fetched yet',
  no_trades: 'nobody traded',
}

export function gapWords(reason: string): string {
  return GAP_REASONS[reason] ?? reason.replaceAll('_', ' ')
}
