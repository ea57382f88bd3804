import type { Tactic, TacticWish } from '@/features/trade/tactics'

const NOTES: Record<Tactic['kind'], string> = {
  market: 'Each order may go up to 0.5% beyond the best price of its moment.',
  limit_ioc: '',
  passive: 'About half of it is assumed to be had as a maker. The market may move meanwhile.',
  twap: 'Legs above 2,000 USDT, or above 5% of the book in sight, are sliced.',
}

export function tacticOf(wish: TacticWish | null | undefined): Tactic {
  const kind = wish?.kind ?? 'limit_ioc'
  const seconds = wish?.kind === 'passive' ? wish.deadline_seconds : wish?.kind === 'twap' ? wish.seconds : 0
  return { kind, seconds, slices: wish?.kind === 'twap' ? wish.slices : 1, note: NOTES[kind] }
}

/** What a tactic costs as a share of what is traded. */
export function costOf(tactic: Tactic): number {
  return { market: 0.00071, limit_ioc: 0.00065, passive: 0.00039, twap: 0.00058 }[tactic.kind]
}
