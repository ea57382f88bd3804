import type { PlanLeg } from '@/features/trade/queries'

export interface Shift {
  symbol: string
  ticker: string
  /** Signed shares of the position's size: held now, and after the order. */
  before: number
  after: number
  traded: boolean
}

/** What rebalancing moves, the largest move first. A leg that is left out stays; one closed by hand is gone. */
export function shiftsOf(legs: readonly PlanLeg[]): Shift[] {
  return legs
    .filter((leg) => leg.action !== 'by_hand')
    .map((leg) => {
      const before = leg.held_weight ?? 0
      const traded = leg.action === 'trade'
      return { symbol: leg.symbol, ticker: leg.ticker, before, after: traded ? leg.weight : before, traded }
    })
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before))
}

export interface Scale {
  from: number
  to: number
}

/** Wide enough for every weight, with zero always in sight. */
export function scaleOf(shifts: readonly Shift[]): Scale {
  const values = shifts.flatMap((shift) => [shift.before, shift.after])
  const from = Math.min(0, ...values)
  const to = Math.max(0, ...values)
  const room = Math.max(to - from, 0.01) * 0.04
  return { from: from < 0 ? from - room : 0, to: to > 0 ? to + room : 0 }
}

/** Where a weight lies on the scale, from 0 to 1. */
export const placeOf = (weight: number, scale: Scale): number =>
  (weight - scale.from) / Math.max(scale.to - scale.from, Number.MIN_VALUE)
