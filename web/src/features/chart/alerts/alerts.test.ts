import { describe, expect, it, vi } from 'vitest'

import { DEFAULT_SPEC, withSeries } from '../engine/spec'
import type { Alert, FiredAlert } from './model'
import { changed, firedWords, isWatchable, LATEST_FIRED, lineWords, pointedPrice, untold } from './model'

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
    const fired = { ...ALERT, alert_id: 'a', seen_price: '63999', number: 1, at: '2026-11-21T11:00:00Z' }
    expect(firedWords({ ...fired, direction: 'below', note: 'sell' })).toBe(
      'BTCUSDT reached 64,000.00 from above: sell',
    )
  })

  it('watch what goes on only', () => {
    expect(['bybit:X', 'binance:X', 'index:btc-d', 'own:1'].map(isWatchable)).toEqual([true, true, true, false])
  })
})

describe('what fired', () => {
  const fired = (number: number) => ({ number, id: `${number}` }) as FiredAlert
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, each) => fired(from + each))
  const newest = (to: number) => range(Math.max(to - LATEST_FIRED + 1, 1), to).reverse()
  const numbers = (found: { fired: FiredAlert[] } | FiredAlert[]) =>
    ('fired' in found ? found.fired : found).map((each) => each.number).sort((one, other) => one - other)

  it('is told once, of the frame alone while that goes back far enough', async () => {
    const readAll = vi.fn<() => Promise<FiredAlert[]>>()
    expect(numbers(await untold(newest(32), newest(30), readAll))).toEqual([31, 32])
    expect(numbers(await untold(newest(3), [], readAll))).toEqual([1, 2, 3])
    expect(await untold(newest(30), newest(30), readAll)).toEqual({ fired: [], more: false })
    expect(readAll).not.toHaveBeenCalled()
  })

  it('is read where more fired between two frames than one holds, up to that frame', async () => {
    const readAll = () => Promise.resolve(range(1, 90))
    expect(numbers(await untold(newest(80), newest(30), readAll))).toEqual(numbers(range(31, 80)))
    expect(numbers(await untold(newest(80), newest(60), readAll))).toHaveLength(20)
    expect(await untold(newest(80), newest(30), readAll)).toMatchObject({ more: false })
  })

  it('is what the frame holds where more cannot be read', async () => {
    const found = await untold(newest(80), newest(30), () => Promise.reject(new Error('away')))
    expect(found).toEqual({ fired: newest(80), more: true })
  })

  it('is more than was read where that does not go back far enough', async () => {
    const readAll = () => Promise.resolve(range(301, 500).reverse())
    expect(await untold(newest(500), newest(30), readAll)).toMatchObject({ more: true })
    expect(await untold(newest(500), newest(310), readAll)).toMatchObject({ more: false })
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
