import { expect, it } from 'vitest'

import type { ScriptInput } from './scriptInputs'
import { inputProblem, inputsHold, optionsOf, typedOf, valuesOf } from './scriptInputs'

const LENGTH: ScriptInput = { name: 'length', label: 'Length', kind: 'int', default: 20, min: 2, max: 500 }
const FACTOR: ScriptInput = { name: 'factor', label: 'Factor', kind: 'float', default: 1.5 }
const SHORTS: ScriptInput = { name: 'shorts', label: 'Shorts', kind: 'bool', default: true }
const MODE: ScriptInput = { name: 'mode', label: 'Mode', kind: 'choice', default: 'fast', options: ['fast', 'slow'] }
const FRAME: ScriptInput = { name: 'frame', label: 'Frame', kind: 'timeframe', default: '1d' }
const ALL = [LENGTH, FACTOR, SHORTS, MODE, FRAME]

it('begins with what was given, and with the defaults where nothing was', () => {
  expect(typedOf(ALL, { length: 9, shorts: false, gone: 1 })).toEqual({
    length: '9',
    factor: '1.5',
    shorts: false,
    mode: 'fast',
    frame: '1d',
  })
})

it('reads values in the kind the script asks for, and none of inputs it has not', () => {
  const typed = { length: '30', factor: '2.25', shorts: true, mode: 'slow', frame: '4h', gone: 'x' }
  expect(valuesOf(ALL, typed)).toEqual({ length: 30, factor: 2.25, shorts: true, mode: 'slow', frame: '4h' })
})

it('keeps the kind of a choice that is a number', () => {
  const choice: ScriptInput = { ...MODE, default: 10, options: [10, 20] }
  expect(valuesOf([choice], { mode: '20' })).toEqual({ mode: 20 })
})

it.each([
  ['', 'Write a number.'],
  ['abc', 'Write a number.'],
  ['2.5', 'Write a whole number.'],
  ['1', 'At least 2.'],
  ['501', 'At most 500.'],
  ['20', undefined],
])('says of a length of "%s": %s', (typed, problem) => {
  expect(inputProblem(LENGTH, typed)).toBe(problem)
})

it('holds only when every input does', () => {
  const typed = typedOf(ALL)
  expect(inputsHold(ALL, typed)).toBe(true)
  expect(inputsHold(ALL, { ...typed, factor: '' })).toBe(false)
})

it('offers timeframes where a script asks for one', () => {
  expect(optionsOf(FRAME)).toContain('4h')
  expect(optionsOf(LENGTH)).toBeNull()
})
