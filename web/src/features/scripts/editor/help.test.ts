import { Text } from '@codemirror/state'
import { expect, it } from 'vitest'

import { REFERENCE } from '@/mocks/scriptTexts'

import { nameAt, optionsFor } from './help'

const labels = (prefix: string) => optionsFor(REFERENCE, prefix).map(({ label }) => label)

it('offers what stands alone, and after a dot only what is in there', () => {
  expect(labels('')).toEqual(['bars', 'plot', 'signal', 'target', 'script'])
  expect(labels('ta.')).toEqual(['sma', 'rsi', 'crossover'])
  expect(labels('gone.')).toEqual([])
})

it('finds the name that is pointed at, as far as it was pointed', () => {
  const doc = Text.of(['x = 1', 'plot(ta.rsi(bars.close))'])
  const at = (text: string) => 6 + (doc.line(2).text.indexOf(text) + 1)
  expect(nameAt(doc, at('rsi'))).toEqual({ name: 'ta.rsi', from: 11, to: 17 })
  expect(nameAt(doc, at('ta'))?.name).toBe('ta')
  expect(nameAt(doc, at('close'))?.name).toBe('bars.close')
  expect(nameAt(doc, 4)).toBeNull()
})
