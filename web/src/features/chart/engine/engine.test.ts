import { describe, expect, it, vi } from 'vitest'

import { BarWindow } from '../data/windowStore'
import { inputProblem, readInputs } from '../panels/IndicatorForm'
import { INDICATORS } from '@/mocks/indicators'
import { readWorkspace, setChartCount, workspace } from '../workspace'
import { HeikinAshi } from './heikinAshi'
import { DEFAULT_SPEC } from './spec'

function windowOf(count: number, offset = 0): BarWindow {
  const window = new BarWindow(5_000)
  for (let index = 0; index < count; index += 1) {
    const place = index + offset
    const [open, close] = [100 + Math.sin(place) * 9, 100 + Math.sin(place + 1) * 9]
    const [high, low] = [Math.max(open, close) + 1, Math.min(open, close) - 1]
    window.put({ time: place * 60, open, high, low, close, volume: 1 })
  }
  return window
}

describe('Heikin-Ashi', () => {
  it('follows its formula', () => {
    const window = windowOf(3)
    const heikin = new HeikinAshi(window)
    heikin.refresh(0)
    const [first, second] = [heikin.at(0), heikin.at(1)]
    const raw = window.at(1)
    if (!first || !second || !raw) throw new Error('no bars')
    expect(second.open).toBeCloseTo((first.open + first.close) / 2, 12)
    expect(second.close).toBeCloseTo((raw.open + raw.high + raw.low + raw.close) / 4, 12)
    expect(second.high).toBe(Math.max(raw.high, second.open, second.close))
  })

  it('is the same live as all at once, and soon the same whatever bar the window begins with', () => {
    const whole = new HeikinAshi(windowOf(200))
    whole.refresh(0)
    const window = windowOf(150)
    const live = new HeikinAshi(window)
    live.refresh(0)
    const rest = windowOf(200)
    for (let index = 150; index < 200; index += 1) {
      const bar = rest.at(index)
      if (bar) window.put(bar)
      live.refresh(index)
    }
    const later = new HeikinAshi(windowOf(100, 100))
    later.refresh(0)
    expect(live.at(199)).toEqual(whole.at(199))
    expect(later.at(60)?.open).toBeCloseTo(whole.at(160)?.open ?? NaN, 9)
  })
})

describe('the form of an indicator', () => {
  const bands = INDICATORS.find((each) => each.id === 'bbands')
  const [length, width] = bands?.inputs ?? []

  it.each([
    ['20', undefined],
    ['', 'Write a number.'],
    ['x', 'Write a number.'],
    ['2.5', 'Write a whole number.'],
    ['0', 'At least 1.'],
    ['501', 'At most 500.'],
  ])('says of a length of "%s": %s', (typed, problem) => {
    expect(length && inputProblem(length, typed)).toBe(problem)
    expect(width && inputProblem(width, '2.5')).toBeUndefined()
  })

  it('reads numbers as numbers', () => {
    expect(bands && readInputs(bands, { length: '20', width: '2.5' })).toEqual({ length: 20, width: 2.5 })
  })
})

describe('the workspace', () => {
  const cell = (series: string) => ({ series, ...DEFAULT_SPEC })

  it('keeps the chart in front when charts are added or taken away', () => {
    vi.spyOn(Storage.prototype, 'setItem')
    workspace.set({ cells: [cell('a:1')], active: 0 })
    setChartCount(4)
    expect(workspace.get().cells.map((each) => each.series)).toEqual(['a:1', 'a:1', 'a:1', 'a:1'])
    workspace.set({ cells: ['a:1', 'b:2', 'c:3', 'd:4'].map(cell), active: 3 })
    setChartCount(2)
    expect(workspace.get()).toMatchObject({ active: 1 })
    expect(workspace.get().cells.map((each) => each.series)).toEqual(['a:1', 'd:4'])
    setChartCount(9)
    expect(workspace.get().cells).toHaveLength(4)
  })

  it('is read as far as it can be shown', () => {
    expect(readWorkspace(null)).toBeNull()
    expect(readWorkspace({ cells: [{ series: 'nonsense', timeframe: '1m' }], active: 0 })).toBeNull()
    const read = readWorkspace({ cells: [{ series: 'a:1', timeframe: '1m' }, { series: 'a:1', timeframe: '7q' }], active: 9 }) // prettier-ignore
    expect(read).toMatchObject({ active: 0, cells: [{ series: 'a:1', type: 'candles', indicators: [], marks: { news: true } }] }) // prettier-ignore
  })
})
