import { describe, expect, it } from 'vitest'

import type { ScriptInput } from '@/features/scripts/scriptInputs'
import { backtests } from '@/mocks/backtests'

import type { Draft } from './draft'
import { draftOf, EMPTY_DRAFT, problemsOf, requestOf, spanOf } from './draft'
import { historyWords } from './SpanFields'
import { termProblems, termsOf, typedTerms, USUAL_TERMS } from './terms'

const LENGTH: ScriptInput = { name: 'length', label: 'Length', kind: 'int', default: 20, min: 2, max: 500 }
const SCRIPT = { version: 3, inputs: [LENGTH] }
const ID = '00000000-0000-4000-8000-00000000a001'
const READY: Draft = { ...EMPTY_DRAFT, scriptId: ID, series: 'bybit:BTCUSDT', span: 'all' }
const END = Date.parse('2026-11-22T10:30:00Z')

describe('terms', () => {
  it('are typed in percent and sent as shares, exactly', () => {
    const typed = { capital: '12,500.50', fee: '0.055', slippage: '0', size: '25', shorts: true }
    expect(termProblems(typed)).toEqual({})
    expect(termsOf(typed)).toEqual({
      capital: '12500.50',
      fee_rate: '0.00055',
      slippage: '0',
      allow_short: true,
      signal_size: '0.25',
    })
  })

  it('come back as they were typed', () => {
    expect(typedTerms(termsOf(USUAL_TERMS))).toEqual(USUAL_TERMS)
    expect(typedTerms({ ...termsOf(USUAL_TERMS), capital: '100.00000000' }).capital).toBe('100')
  })

  it.each([
    ['capital', '', 'Write a number.'],
    ['capital', 'much', 'This is not a number.'],
    ['capital', '0', 'More than 0.'],
    ['capital', '1000000000.01', 'At most 1000000000.'],
    ['fee', '-0.1', 'At least 0.'],
    ['fee', '10.1', 'At most 10.'],
    ['slippage', '0,5', 'This is not a number.'],
    ['size', '100.1', 'At most 100.'],
    ['size', '0.001', 'At most 2 decimals.'],
  ] as const)('refuse %s of "%s"', (name, typed, problem) => {
    expect(termProblems({ ...USUAL_TERMS, [name]: typed })).toEqual({ [name]: problem })
  })
})

describe('a draft', () => {
  it('becomes the request of its script, with the version that is shown', () => {
    expect(problemsOf(READY, SCRIPT, { length: '9' })).toEqual({})
    expect(requestOf(READY, SCRIPT, { length: '9' }, END)).toMatchObject({
      source: { kind: 'script', script_id: ID, version: 3 },
      inputs: { length: 9 },
      series: 'bybit:BTCUSDT',
      since: null,
      until: null,
    })
  })

  it('of signals sends no inputs', () => {
    const request = requestOf({ ...READY, kind: 'signals', datasetId: 'd' }, SCRIPT, { length: '9' }, END)
    expect(request).toMatchObject({ source: { kind: 'signals', dataset_id: 'd' }, inputs: {} })
  })

  it('says what is missing', () => {
    expect(problemsOf(EMPTY_DRAFT, undefined, {})).toEqual({
      source: 'Choose what decides.',
      series: 'Choose a market, an index or own data.',
    })
    expect(problemsOf({ ...READY, series: 'BTCUSDT' }, SCRIPT, { length: '1' })).toEqual({
      inputs: 'Look at the inputs.',
      series: 'Choose a market, an index or own data.',
    })
    const backwards: Draft = { ...READY, span: 'custom', from: '2024-02-01', to: '2024-01-01' }
    expect(problemsOf(backwards, SCRIPT, { length: '9' })).toEqual({ to: 'This is before the beginning.' })
  })

  it('has spans of whole days, the last one included', () => {
    expect(spanOf({ ...READY, span: 'year' }, END)).toEqual({ since: '2025-11-22T00:00:00.000Z', until: null })
    expect(spanOf({ ...READY, span: 'custom', from: '2024-01-01', to: '2024-01-31' }, END)).toEqual({
      since: '2024-01-01T00:00:00Z',
      until: '2024-02-01T00:00:00.000Z',
    })
  })

  it('is made of one that ran, and asks for the same again', () => {
    const [kept] = [...backtests.all.values()]
    if (!kept) throw new Error('no back-test')
    const { settings } = kept.view
    const draft = draftOf({ ...kept.view, settings: { ...settings, until: '2025-06-01T00:00:00Z' } })
    expect(draft).toMatchObject({ span: 'custom', from: '2025-01-01', to: '2025-05-31', given: settings.inputs })
    expect(spanOf(draft, END)).toEqual({ since: '2025-01-01T00:00:00Z', until: '2025-06-01T00:00:00.000Z' })
  })
})

describe('what there is of a history', () => {
  const history = { first: Date.parse('2025-06-01T00:00:00Z'), last: END, base: '1m' as const, fetched: false }

  it('is told with the bars that are asked for', () => {
    const words = historyWords({ ...READY, span: 'month' }, history)
    expect(words).toBe('There are bars from 1 Jun 2025 to 22 Nov 2026. About 731 bars.')
  })

  it('is told to begin later than asked, or to have nothing of a span', () => {
    expect(historyWords({ ...READY, span: 'three-years' }, history)).toContain('It begins with the first of them.')
    const before: Draft = { ...READY, span: 'custom', from: '2020-01-01', to: '2020-02-01' }
    expect(historyWords(before, history)).toContain('None of them are in this span.')
  })

  it('of a market is fetched where it is missing', () => {
    const words = historyWords({ ...READY, span: 'three-years' }, { ...history, fetched: true })
    expect(words).toContain('Older ones are fetched first, which may take some minutes.')
    expect(historyWords({ ...READY, span: 'month' }, { ...history, fetched: true })).toContain('About 731 bars.')
  })

  it('may be too much', () => {
    const long = { ...history, first: Date.parse('2020-01-01T00:00:00Z') }
    expect(historyWords({ ...READY, timeframe: '1m' }, long)).toContain('At most 2,000,000 are possible')
  })
})
