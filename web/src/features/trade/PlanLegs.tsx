import clsx from 'clsx'
import type { ReactNode } from 'react'

import { forGeometry, heaviestFirst } from '@/lib/numbers'
import { Money, NoValue, Price, Quantity } from '@/ui/Money'
import { Table } from '@/ui/Table'

import type { Plan, PlanLeg } from './queries'
import { capital } from './words'

/** Buy and sell as words with their direction's colour. */
export function SideWord({ side }: { side: 'buy' | 'sell' }) {
  return <span className={clsx('font-medium', side === 'buy' ? 'text-up' : 'text-down')}>{capital(side)}</span>
}

/** One line per leg, those left out included. */
export function PlanLegs({ plan }: { plan: Plan }) {
  return (
    <Table<PlanLeg>
      label="Orders of this plan"
      rows={heaviestFirst(plan.legs, (leg) => forGeometry(leg.target_notional) || forGeometry(leg.notional))}
      rowKey={(leg) => `${leg.symbol} ${leg.action}`}
      dim={(leg) => leg.action !== 'trade'}
      columns={[
        {
          head: 'Coin',
          name: true,
          cell: (leg) => (
            <>
              <span className="font-medium">{leg.ticker}</span>{' '}
              <span className="text-muted max-md:hidden">{leg.name}</span>
              {leg.note && <span className="block text-xs text-muted">{leg.note}</span>}
            </>
          ),
        },
        { head: 'Side', cell: (leg) => (leg.action === 'trade' ? <SideWord side={leg.side} /> : skipWord(leg, plan)) },
        {
          head: 'Quantity',
          right: true,
          cell: (leg) =>
            traded(
              leg,
              <>
                <Quantity value={leg.quantity} />
                {leg.slices > 1 && <span className="block text-xs text-muted">in {leg.slices} orders</span>}
              </>,
            ),
        },
        {
          head: 'Expected price',
          right: true,
          wideOnly: true,
          cell: (leg) => traded(leg, <Price value={leg.expected_price} />),
        },
        {
          head: plan.kind === 'rebalance' ? 'Off target' : 'Target',
          right: true,
          wideOnly: true,
          cell: (leg) => <Money value={leg.target_notional} />,
        },
        { head: 'Notional', right: true, cell: (leg) => traded(leg, <Money value={leg.notional} />) },
        { head: 'Fee', right: true, wideOnly: true, cell: (leg) => traded(leg, <Money value={leg.fee} digits={4} />) },
        {
          head: 'Slippage',
          right: true,
          wideOnly: true,
          cell: (leg) => traded(leg, <Money value={leg.slippage} digits={4} />),
        },
      ]}
    />
  )
}

/** Only a leg that is traded has a quantity, a price and a fee. */
function traded(leg: PlanLeg, cell: ReactNode): ReactNode {
  return leg.action === 'trade' ? cell : <NoValue />
}

function skipWord(leg: PlanLeg, plan: Plan): string {
  if (leg.action === 'by_hand') return 'By hand'
  return plan.kind === 'rebalance' ? 'Stays' : 'Left out'
}
