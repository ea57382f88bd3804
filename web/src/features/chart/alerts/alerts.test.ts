import { describe, expect, it } from 'vitest'

import { DEFAULT_SPEC, withSeries } from '../engine/spec'
import type { Alert } from './model'
import { changed, firedWords, isWatchable, lineWords, pointedPrice } from './model'

const ALERT: Alert = {
  id: 'a',
  series: 'bybit:BTCUSDT',
  direction: 'above',
  price: '64000',
  repeat: 'once',
  note: '',
  active: false,
  created_at: '2026-11-21T10:00:00Z',
  fired_at: '2026-11-21T11:00:00Z',
}

describe('alerts', () => {
  it('take a price that was pointed at with the decimals of the series, as a plain decimal', () => {
    expect(pointedPrice(64000.123456, 2)).toBe('64000.12')
    expect(pointedPrice(0.0000012345678, 9)).toBe('0.000001235')
    expect(pointedPrice(1_234_567.5, 1)).toBe('1234567.5')
  })

  it('are armed anew by a change', () => {
    expect(changed(ALERT, { price: '65000.5' })).toEqual({
      series: 'bybit:BTCUSDT',
      direction: 'above',
      price: '65000.5',
      repeat: 'once',
      note: '',
      active: true,
    })
  })

  it('say on which side they wait, and what fired', () => {
    expect(lineWords(ALERT)).toBe('Alert ↑')
    expect(lineWords({ ...ALERT, direction: 'either', repeat: 'every', note: 'Buy' })).toBe('Buy · every time')
    const fired = { ...ALERT, alert_id: 'a', seen_price: '63999', at: '2026-11-21T11:00:00Z' }
    expect(firedWords({ ...fired, direction: 'below', note: 'sell' })).toBe(
      'BTCUSDT reached 64,000.00 from above: sell',
    )
  })

  it('watch what goes on only', () => {
    expect(['bybit:X', 'binance:X', 'index:btc-d', 'own:1'].map(isWatchable)).toEqual([true, true, true, false])
  })
})

describe('an index in a chart', () => {
  const market = { ...DEFAULT_SPEC, series: 'bybit:BTCUSDT' }

  it('is a line unless another type was chosen, and a market has candles again', () => {
    const index = withSeries(market, 'index:btc-d')
    expect(index.type).toBe('line')
    expect(withSeries(index, 'index:eth-d').type).toBe('line')
    expect(withSeries(index, 'bybit:ETHUSDT').type).toBe('candles')
    expect(withSeries({ ...market, type: 'area' }, 'index:btc-d').type).toBe('area')
    expect(withSeries({ ...market, type: 'line' }, 'bybit:ETHUSDT').type).toBe('line')
  })
})
