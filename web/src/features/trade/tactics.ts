import { percent } from '@/lib/numbers'
import { wholeSeconds } from '@/lib/times'

import type { Plan, PreviewRequest } from './queries'

export type Tactic = Plan['tactic']
export type TacticKind = Tactic['kind']

/** How orders may be sent, as it is asked for. */
export type TacticWish = NonNullable<PreviewRequest['tactic']>

/** How orders go unless something else is asked for. */
export const USUAL: TacticWish = { kind: 'limit_ioc' }

export const TACTICS: { kind: TacticKind; label: string; text: string }[] = [
  {
    kind: 'market',
    label: 'Market',
    text: 'Takes at once, near the best price of that moment. The surest to be filled.',
  },
  { kind: 'limit_ioc', label: 'Limit', text: 'Takes at once, but never beyond the previewed price and its allowance.' },
  {
    kind: 'passive',
    label: 'Passive',
    text: 'Waits at the best price and follows it, for the lower fee. What is missing at the deadline is taken.',
  },
  { kind: 'twap', label: 'TWAP', text: 'Cuts large legs into slices, evenly over time. Small legs go at once.' },
]

/** What an option may be, and what it is at first. */
export const OPTIONS = {
  deadline_seconds: { label: 'Take what is missing after', least: 5, most: 600, first: 60 },
  slices: { label: 'Slices', least: 2, most: 50, first: 10 },
  seconds: { label: 'Over', least: 10, most: 3600, first: 300 },
} as const

export type OptionName = keyof typeof OPTIONS

export function firstWish(kind: TacticKind): TacticWish {
  switch (kind) {
    case 'market':
    case 'limit_ioc':
      return { kind }
    case 'passive':
      return { kind, deadline_seconds: OPTIONS.deadline_seconds.first }
    case 'twap':
      return { kind, slices: OPTIONS.slices.first, seconds: OPTIONS.seconds.first }
  }
}

/** The wish that a plan's tactic came from. */
export function wishOf(tactic: Tactic): TacticWish {
  switch (tactic.kind) {
    case 'market':
    case 'limit_ioc':
      return { kind: tactic.kind }
    case 'passive':
      return { kind: 'passive', deadline_seconds: tactic.seconds }
    case 'twap':
      return { kind: 'twap', slices: tactic.slices, seconds: tactic.seconds }
  }
}

/** What is wrong with an option as typed, or undefined. */
export function optionProblem(name: OptionName, typed: string): string | undefined {
  const { least, most } = OPTIONS[name]
  const number = /^\d+$/.test(typed.trim()) ? Number(typed) : NaN
  if (number >= least && number <= most) return undefined
  return `A whole number from ${least} to ${most}.`
}

/** How the orders of a plan behave, in a sentence. */
export function orderSentence(plan: Plan): string {
  const allowance = percent(plan.allowance, 1)
  switch (plan.tactic.kind) {
    case 'market':
      return `Market orders, at most ${allowance} worse than the best price when they are sent.`
    case 'limit_ioc':
      return `Each order is a limit order, immediate or cancel, at most ${allowance} worse than the expected price.`
    case 'passive':
      return `Each leg rests at the best price for up to ${wholeSeconds(plan.tactic.seconds * 1000)}; then what is missing is taken.`
    case 'twap':
      return `Large legs go in up to ${plan.tactic.slices} slices over ${wholeSeconds(plan.tactic.seconds * 1000)}; the rest at once.`
  }
}

/** How far from the previewed price orders may go, as part of a sentence. */
export function reachWords(plan: Plan): string {
  const allowance = percent(plan.allowance, 1)
  switch (plan.tactic.kind) {
    case 'market':
      return `none more than ${allowance} away from the best price when it is sent`
    case 'limit_ioc':
      return `none more than ${allowance} away from the previewed price`
    case 'passive':
      return `resting first, and taking what is missing after ${wholeSeconds(plan.tactic.seconds * 1000)}`
    case 'twap':
      return `large ones in up to ${plan.tactic.slices} slices over ${wholeSeconds(plan.tactic.seconds * 1000)}`
  }
}
