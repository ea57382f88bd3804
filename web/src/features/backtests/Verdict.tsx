import clsx from 'clsx'

import { forGeometry, money, percent, signedPercent } from '@/lib/numbers'
import type { Fact } from '@/ui/Layout'
import { Facts } from '@/ui/Layout'
import { Delta, Money } from '@/ui/Money'

import type { Backtest, Figures } from './types'
import { count, isLookingAhead, lasting } from './words'

/** What it earned against simply holding, and what that took. */
export function Verdict({ backtest, figures }: { backtest: Backtest; figures: Figures }) {
  return (
    <div className={clsx('mb-10', isLookingAhead(backtest) && 'stale')}>
      <p className="text-sm text-muted">Return, after fees and slippage</p>
      <p className="flex flex-wrap items-baseline gap-x-4">
        <Delta value={figures.total_return} big className="text-3xl font-semibold md:text-4xl" />
        <Delta value={figures.profit} as="money" unit={backtest.quote} className="text-lg" />
      </p>
      <p className="mt-2 mb-8 max-w-[64ch]">{against(figures)}</p>
      <Facts columns items={facts(backtest, figures)} />
    </div>
  )
}

/** Beside buying at the start and holding, in words. */
function against({ total_return: own, hold_return: hold, trades }: Figures): string {
  if (trades === 0) return 'It never traded.'
  const points = own - hold
  const held = `Buying at the start and holding: ${signedPercent(hold)}.`
  if (Math.abs(points) < 0.00005) return `${held} No difference.`
  return `${held} ${money(Math.abs(points) * 100)} points ${points > 0 ? 'better' : 'worse'}.`
}

function facts(backtest: Backtest, figures: Figures): Fact[] {
  const { capital } = backtest.settings
  return [
    {
      label: 'Deepest drawdown',
      value: percent(figures.max_drawdown, 1),
      hint: drawdownHint(figures),
    },
    {
      label: 'Trades',
      value: count(figures.trades),
      hint: figures.win_rate === null ? undefined : `${percent(figures.win_rate, 0)} won`,
    },
    { label: 'Fees', value: <Money value={figures.fees} />, hint: feesHint(figures.fees, capital) },
    { label: 'Account at the end', value: <Money value={figures.equity} />, hint: `from ${money(capital)}` },
  ]
}

function drawdownHint({ hold_max_drawdown: held, drawdown_seconds: seconds }: Figures): string {
  const parts = [seconds > 0 && `lasted ${lasting(seconds)}`, `holding ${percent(held, 1)}`]
  return parts.filter(Boolean).join(', ')
}

/** Fees as a share of what it began with: only said, never sent. */
function feesHint(fees: string, capital: string): string | undefined {
  const began = forGeometry(capital)
  return began > 0 ? `${percent(forGeometry(fees) / began, 1)} of the capital` : undefined
}
