import { money, percent, signedPercent } from '@/lib/numbers'
import type { Fact } from '@/ui/Layout'
import { Facts, Section } from '@/ui/Layout'
import { Delta, NoValue } from '@/ui/Money'

import type { Figures } from './types'
import { lasting } from './words'

export function MoreFigures({ figures }: { figures: Figures }) {
  return (
    <Section title="Figures" note="Volatility and ratios are per year, without a risk-free rate.">
      <Facts columns items={facts(figures)} />
    </Section>
  )
}

const share = (value: number | null, digits = 1) => (value === null ? <NoValue /> : percent(value, digits))
/** What is more than this only says that something is wrong. */
const MOST_RATIO = 1_000
const MOST_YEARLY = 100

function ratio(value: number | null) {
  if (value === null) return <NoValue />
  return value >= MOST_RATIO ? `over ${money(MOST_RATIO, 0)}` : money(value, 2)
}

function yearly(value: number | null) {
  if (value === null) return <NoValue />
  return value >= MOST_YEARLY ? `over ${percent(MOST_YEARLY, 0)}` : signedPercent(value)
}

function facts(figures: Figures): Fact[] {
  return [
    {
      label: 'Per year',
      value: yearly(figures.cagr),
      hint: 'compounded',
    },
    { label: 'Volatility', value: share(figures.volatility) },
    { label: 'Sharpe', value: ratio(figures.sharpe) },
    { label: 'Sortino', value: ratio(figures.sortino) },
    { label: 'Calmar', value: ratio(figures.calmar), hint: 'return over drawdown' },
    { label: 'In the market', value: share(figures.exposure, 0), hint: 'of the time' },
    {
      label: 'Turnover',
      value: figures.turnover === null ? <NoValue /> : `${money(figures.turnover, 1)} ×`,
      hint: 'of the account',
    },
    { label: 'Profit factor', value: ratio(figures.profit_factor), hint: 'won over lost' },
    { label: 'Average trade', value: <Delta value={figures.average_trade} as="money" /> },
    { label: 'Best trade', value: <Delta value={figures.best_trade} as="money" /> },
    { label: 'Worst trade', value: <Delta value={figures.worst_trade} as="money" /> },
    {
      label: 'Held',
      value: figures.holding_seconds === null ? <NoValue /> : lasting(figures.holding_seconds),
      hint: 'on average',
    },
  ]
}
