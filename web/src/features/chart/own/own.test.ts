import { beforeEach, describe, expect, it } from 'vitest'

import type { Dataset } from '@/features/datasets/queries'

import { isMadeOf, madeOf, timeframeFor, unmadeWords } from '../data/timeframes'
import type { ChartSpec } from '../engine/spec'
import { DEFAULT_SPEC } from '../engine/spec'
import { symbolWords } from '../words'
import { halfOf, keepHalf, liveHalf, modeOf, moved } from './modes'
import type { Place } from './places'
import { keepPlace, placeOf } from './places'
import { ownSeries } from './store'
import { ownTarget } from './useModes'

const cell = (series: string, over: Partial<ChartSpec> = {}): ChartSpec => ({ ...DEFAULT_SPEC, series, ...over })
const rsi = { key: 'k', id: 'rsi', inputs: { length: 14 }, hidden: false }
const dataset = (id: string, timeframe: string) => ({ id, series: `own:${id}`, timeframe }) as Dataset

beforeEach(() => {
  localStorage.clear()
  sessionStorage.clear()
})

describe('going between Live and Custom', () => {
  const market = cell('binance:ETHUSDT', { timeframe: '5m', indicators: [rsi], scale: 'log', compare: ['index:btc-d'] })
  const own = cell('own:a', { timeframe: '4h', type: 'bars', volume: false })

  it('brings back everything that was left there, both ways', () => {
    keepHalf(0, market)
    const there = moved(0, market, 'own:a')
    expect(there).toEqual(cell('own:a', { timeframe: '5m' }))
    keepHalf(0, own)
    expect(moved(0, own, 'binance:ETHUSDT')).toEqual(market)
    expect(liveHalf(0)).toEqual(market)
    expect(moved(0, market, 'own:a')).toEqual(own)
  })

  it('changes nothing but the series within a mode', () => {
    keepHalf(0, own)
    expect(moved(0, market, 'bybit:BTCUSDT')).toEqual({ ...market, series: 'bybit:BTCUSDT' })
    expect(moved(0, own, 'own:b')).toEqual({ ...own, series: 'own:b' })
  })

  it('remembers each chart of the workspace by itself', () => {
    keepHalf(0, market)
    keepHalf(1, cell('bybit:SOLUSDT'))
    expect([liveHalf(0).series, liveHalf(1).series, liveHalf(2).series]).toEqual([
      'binance:ETHUSDT',
      'bybit:SOLUSDT',
      'bybit:BTCUSDT',
    ])
    expect(halfOf(2, 'custom')).toBeNull()
  })

  it('begins with the newest data where what was shown is gone, and nowhere without any', () => {
    keepHalf(0, own)
    expect(ownTarget(0, [dataset('b', '1h'), dataset('a', '1h')])).toMatchObject({ series: 'own:a', timeframe: '4h' })
    expect(ownTarget(0, [dataset('b', '1h')])).toEqual({ series: 'own:b', timeframe: '1h' })
    expect(ownTarget(0, [])).toBeNull()
  })

  it('survives what somebody else wrote into the storage', () => {
    for (const junk of ['null', '7', '{"0":null}', '{"0":{"live":{"series":5}}}', 'not json']) {
      localStorage.setItem('holdfast.modes:', junk)
      expect(liveHalf(0).series).toBe('bybit:BTCUSDT')
      keepHalf(0, own)
      expect(halfOf(0, 'custom')?.series).toBe('own:a')
    }
    localStorage.setItem('holdfast.modes:', '{"0":{"live":{"series":"own:a","timeframe":"1h"}}}')
    expect(halfOf(0, 'live')).toBeNull()
  })

  it('knows what is own', () => {
    expect(['own:a', 'bybit:X', 'index:btc-d'].map(modeOf)).toEqual(['custom', 'live', 'live'])
  })
})

describe('a place in time', () => {
  const place: Place = { chosen: '1h', shown: '4h', from: 100, to: 200 }

  it('is kept by chart, series and timeframe until the chart follows again', () => {
    keepPlace(0, 'own:a', place)
    expect(placeOf(0, 'own:a', '1h')).toEqual(place)
    expect(placeOf(0, 'own:a', '4h')).toBeNull()
    expect(placeOf(1, 'own:a', '1h')).toBeNull()
    keepPlace(0, 'own:a', null)
    expect(placeOf(0, 'own:a', '1h')).toBeNull()
  })
})

describe('the timeframes of own bars', () => {
  it.each([
    ['1m', '1h', false],
    ['1h', '1h', true],
    ['4h', '1h', true],
    ['12h', '8h', false],
    ['1d', '8h', true],
    ['5m', '3m', false],
    ['1w', '1d', true],
    ['1M', '1d', true],
    ['1M', '4h', true],
    ['3d', '12h', true],
  ] as const)('%s is made of %s: %s', (timeframe, base, made) => {
    expect(isMadeOf(timeframe, base)).toBe(made)
    expect(unmadeWords(timeframe, base) === '').toBe(made)
  })

  it('are the next longer ones where the wanted one cannot be made', () => {
    expect([madeOf('1m', '1h'), madeOf('12h', '8h'), madeOf('5m', '3m'), madeOf('4h', '1h')]).toEqual([
      '1h',
      '1d',
      '15m',
      '4h',
    ])
  })

  it('say what is in the way', () => {
    expect(unmadeWords('1m', '1h')).toBe('These bars are 1 hour long: none are shorter')
    expect(unmadeWords('12h', '8h')).toBe('Bars of 8 hours do not add up to 12 hours')
    expect(unmadeWords('1m', undefined)).toBe('')
  })

  it('are those that zooming out goes through', () => {
    expect(timeframeFor('3m', '3m', 1_001, '3m')).toBe('15m')
    expect(timeframeFor('3m', '3m', 1_001)).toBe('5m')
  })
})

it('calls own data by its name, never by its id', () => {
  ownSeries.set(new Map())
  expect(symbolWords('own:7f')).toBe('Your data')
  ownSeries.set(new Map([['own:7f', { name: 'Hourly lab', base: '1h' }]]))
  expect(symbolWords('own:7f')).toBe('Hourly lab')
})
