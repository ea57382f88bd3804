import { describe, expect, it } from 'vitest'

import * as numbers from './numbers'

describe('money', () => {
  it('groups, rounds and signs without ever being a float', () => {
    expect(numbers.money('1234.5')).toBe('1,234.50')
    expect(numbers.money('90071992547409931234.56')).toBe('90,071,992,547,409,931,234.56')
    expect(numbers.money('-0.004')).toBe('0.00')
    expect(numbers.signedMoney('-3')).toBe('\u22123.00')
    expect(numbers.signedMoney('1234.5')).toBe('+1,234.50')
    expect(numbers.signedMoney('0')).toBe('0.00')
  })

  it('keeps every decimal of a quantity', () => {
    expect(numbers.quantity('1234567.00000001')).toBe('1,234,567.00000001')
    expect(numbers.quantity('-0.0031')).toBe('\u22120.0031')
  })
})

describe('price', () => {
  it.each([
    ['97312.4', '97,312.40'],
    ['241.37', '241.37'],
    ['5.5123', '5.5123'],
    ['0.3871', '0.3871'],
    ['0.1998', '0.1998'],
    ['0.5', '0.50'],
    ['0.00002487', '0.0₄2487'],
    ['0.0000000012345', '0.0₈1234'],
  ])('%s is shown as %s', (value, shown) => {
    expect(numbers.price(value)).toBe(shown)
  })

  it('takes a float in scientific notation', () => {
    expect(numbers.price(2.487e-5)).toBe('0.0₄2487')
  })
})

describe('shares and levels', () => {
  it('shows shares as percent with a true minus', () => {
    expect(numbers.percent(0.7006)).toBe('70.06%')
    expect(numbers.signedPercent(-0.0121)).toBe('\u22121.21%')
    expect(numbers.signedPercent(0)).toBe('0.00%')
  })

  it('shows a level in its unit', () => {
    expect(numbers.level(58.2134, '%')).toBe('58.213%')
    expect(numbers.level(0.03512, 'ratio')).toBe('0.035120')
    expect(numbers.level(1043.271, 'points')).toBe('1,043.27')
  })

  it('shortens what is large', () => {
    expect(numbers.compact(1_926_000_000_000)).toBe('1.93T')
    expect(numbers.compact(67_200_000_000)).toBe('67.2B')
    expect(numbers.compact(67_200_000_000, 2)).toBe('67.20B')
  })
})

describe('signOf', () => {
  it.each([
    ['-0.00', 0],
    ['0', 0],
    ['-0.01', -1],
    ['12', 1],
    [-0.5, -1],
    [1e-9, 1],
  ] as const)('%s has sign %s', (value, sign) => {
    expect(numbers.signOf(value)).toBe(sign)
  })
})

describe('typed amounts', () => {
  it.each([
    ['', 'empty'],
    ['  ', 'empty'],
    ['abc', 'not-a-number'],
    ['NaN', 'not-a-number'],
    ['1e3', 'not-a-number'],
    ['-5', 'not-positive'],
    ['0', 'not-positive'],
    ['0.00', 'not-positive'],
    ['1.234', 'too-precise'],
    ['9999999999999', 'too-large'],
    ['1,000.50', null],
    ['1000', null],
    ['1,234,567.8', null],
    ['0,5', 'not-a-number'],
    ['1000,5', 'not-a-number'],
    ['1,00', 'not-a-number'],
    ['.5', null],
    ['1000.', null],
  ])('%s: %s', (typed, problem) => {
    expect(numbers.amountProblem(typed)).toBe(problem)
  })

  it('cleans what people type', () => {
    expect(numbers.cleanAmount(' 1,000.50 ')).toBe('1000.50')
    expect(numbers.cleanAmount('.5')).toBe('0.5')
    expect(numbers.cleanAmount('0,5')).toBe('0,5')
  })
})

it.each([
  ['0.5', '0.3', '0.2'],
  ['0.5', '0.125', '0.375'],
  ['9007199254740993', '1', '9007199254740992'],
  ['1', '1.0', '0'],
  ['0.1', '1', '-0.9'],
  ['0.00000003', '0.00000001', '0.00000002'],
])('subtractAmounts: %s less %s is %s', (a, b, rest) => {
  expect(numbers.subtractAmounts(a, b)).toBe(rest)
})

describe('compareAmounts', () => {
  it('is exact where floats are not', () => {
    expect(numbers.compareAmounts('0.1', '0.10')).toBe(0)
    expect(numbers.compareAmounts('9007199254740993', '9007199254740992')).toBe(1)
    expect(numbers.compareAmounts('309.99', '310')).toBe(-1)
    expect(numbers.compareAmounts('-2', '-1')).toBe(-1)
  })
})

it('moves the point of a decimal string exactly', () => {
  const cases: [string, number, string][] = [
    ['0.125', 2, '12.5'],
    ['1', 2, '100'],
    ['0.1', 2, '10'],
    ['12.5', -2, '0.125'],
    ['5', -2, '0.05'],
    ['150', -2, '1.5'],
    ['100', -2, '1'],
  ]
  for (const [value, places, moved] of cases) expect(numbers.movePoint(value, places), value).toBe(moved)
})

it('shortens a share that is huge', () => {
  expect(numbers.signedPercent(999.99)).toBe('+99,999.00%')
  expect(numbers.signedPercent(48_840.4927)).toBe('+4.88M%')
  expect(numbers.signedPercent(-0.0123)).toBe('\u22121.23%')
})
