/** "binance:BTCUSDT" → ["binance", "BTCUSDT"]. */
export function splitSeries(series: string): [source: string, symbol: string] {
  const colon = series.indexOf(':')
  return [series.slice(0, colon), series.slice(colon + 1)]
}
