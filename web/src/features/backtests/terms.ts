/** What trading costs and may do, as it is typed: rates in percent, amounts as people write them. */
import { cleanAmount, compareAmounts, isDecimal, movePoint, signOf } from '@/lib/numbers'

import type { Terms } from './types'

export interface TypedTerms {
  capital: string
  /** Percent of a trade's value. */
  fee: string
  slippage: string
  /** Percent of the account that one signal is worth. */
  size: string
  shorts: boolean
}

export type TermProblems = Partial<Record<keyof TypedTerms, string>>

export const USUAL_TERMS: TypedTerms = { capital: '10000', fee: '0.1', slippage: '0.05', size: '100', shorts: false }

interface Bounds {
  most: string
  /** Decimals the API takes. */
  places: number
  zeroHolds: boolean
}

const CAPITAL: Bounds = { most: '1000000000', places: 8, zeroHolds: false }
const COST: Bounds = { most: '10', places: 6, zeroHolds: true }
const SIZE: Bounds = { most: '100', places: 2, zeroHolds: false }

/** The terms of something that ran, to be changed. */
export function typedTerms(terms: Terms): TypedTerms {
  return {
    capital: plain(terms.capital),
    fee: plain(movePoint(terms.fee_rate, 2)),
    slippage: plain(movePoint(terms.slippage, 2)),
    size: plain(movePoint(terms.signal_size, 2)),
    shorts: terms.allow_short,
  }
}

const plain = (amount: string) => (amount.includes('.') ? amount.replace(/\.?0+$/, '') : amount)

export function termProblems(typed: TypedTerms): TermProblems {
  const problems = {
    capital: amountProblem(typed.capital, CAPITAL),
    fee: amountProblem(typed.fee, COST),
    slippage: amountProblem(typed.slippage, COST),
    size: amountProblem(typed.size, SIZE),
  }
  return Object.fromEntries(Object.entries(problems).filter(([, problem]) => problem !== null))
}

function amountProblem(typed: string, { most, places, zeroHolds }: Bounds): string | null {
  const amount = cleanAmount(typed)
  if (amount === '') return 'Write a number.'
  if (!isDecimal(amount)) return 'This is not a number.'
  if (signOf(amount) < 0 || (!zeroHolds && signOf(amount) === 0)) return zeroHolds ? 'At least 0.' : 'More than 0.'
  if ((amount.split('.')[1]?.length ?? 0) > places) return `At most ${places} decimals.`
  return compareAmounts(amount, most) > 0 ? `At most ${most}.` : null
}

/** Only of terms without a problem. */
export function termsOf(typed: TypedTerms): Terms {
  return {
    capital: cleanAmount(typed.capital),
    fee_rate: movePoint(cleanAmount(typed.fee), -2),
    slippage: movePoint(cleanAmount(typed.slippage), -2),
    allow_short: typed.shorts,
    signal_size: movePoint(cleanAmount(typed.size), -2),
  }
}
