import clsx from 'clsx'

import { Money, Price, Quantity } from '@/ui/Money'
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
      rows={plan.legs}
      rowKey={(leg) => leg.symbol}
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
        { head: 'Side', cell: (leg) => (leg.action === 'trade' ? <SideWord side={leg.side} /> : skipWord(leg)) },
        { head: 'Quantity', right: true, cell: (leg) => <Quantity value={leg.quantity} /> },
        { head: 'Expected price', right: true, wideOnly: true, cell: (leg) => <Price value={leg.expected_price} /> },
        { head: 'Target', right: true, wideOnly: true, cell: (leg) => <Money value={leg.target_notional} /> },
        { head: 'Notional', right: true, cell: (leg) => <Money value={leg.notional} /> },
        { head: 'Fee', right: true, wideOnly: true, cell: (leg) => <Money value={leg.fee} digits={4} /> },
        { head: 'Slippage', right: true, wideOnly: true, cell: (leg) => <Money value={leg.slippage} digits={4} /> },
      ]}
    />
  )
}

function skipWord(leg: PlanLeg): string {
  return leg.action === 'skip' ? 'Left out' : 'By hand'
}
