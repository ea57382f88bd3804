import { Link } from '@tanstack/react-router'

import { ownSeries } from '@/features/chart/own/store'
import { capital } from '@/features/trade/words'
import { useStore } from '@/lib/store'
import { Badge } from '@/ui/Badge'
import type { Fact } from '@/ui/Layout'
import { Facts } from '@/ui/Layout'
import { Delta, Money, NoValue, Price, Quantity } from '@/ui/Money'
import { Table } from '@/ui/Table'
import { utcMinute } from '@/lib/times'

import type { Trade } from './queries'
import { held, SOURCE_WORDS, tradeName } from './words'

/** A trade: what it is, where its figures come from, and how it went. */
export function TradeFacts({ trade }: { trade: Trade }) {
  useStore(ownSeries)
  const over = trade.state === 'closed'
  return (
    <div className="mt-4 rounded-card border border-hairline p-4">
      <div className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-2">
        <p className="font-medium">
          {capital(trade.direction)} {tradeName(trade) || 'trade'}
        </p>
        <Badge tone={trade.kind === 'hand' ? 'strong' : 'plain'}>{SOURCE_WORDS[trade.kind]}</Badge>
        <Badge>{over ? 'Closed' : 'Open'}</Badge>
        {trade.position_id && (
          <Link
            to="/positions/$positionId"
            params={{ positionId: trade.position_id }}
            className="text-sm underline underline-offset-4"
          >
            Its position
          </Link>
        )}
      </div>
      <Facts items={facts(trade)} />
      {trade.legs.length > 1 && <Legs trade={trade} />}
      {trade.other_fees.length > 0 && (
        <p className="mt-3 text-sm text-muted">
          Fees of {trade.other_fees.join(', ')} were paid in other coins and are not in the result.
        </p>
      )}
    </div>
  )
}

function facts(trade: Trade): Fact[] {
  const many = trade.legs.length > 1
  const seconds =
    trade.entry_at && trade.exit_at ? (Date.parse(trade.exit_at) - Date.parse(trade.entry_at)) / 1000 : null
  return [
    {
      label: trade.state === 'closed' ? 'Result' : 'Result so far',
      value: <Delta value={trade.pnl} as="money" unit="USDT" />,
      hint: 'after fees and funding',
    },
    many
      ? { label: 'Entered', value: <Money value={trade.value} unit="USDT" />, hint: `${trade.legs.length} legs` }
      : {
          label: 'Size',
          value: trade.quantity === null ? <NoValue /> : <Quantity value={trade.quantity} />,
          hint: <Money value={trade.value} unit="USDT" />,
        },
    {
      label: 'Entry (UTC)',
      value: many ? at(trade.entry_at) : <Price value={trade.entry_price} />,
      hint: many ? undefined : at(trade.entry_at),
    },
    {
      label: 'Exit (UTC)',
      value: many ? at(trade.exit_at) : <Price value={trade.exit_price} />,
      hint:
        seconds === null ? undefined : (
          <>
            {many ? '' : at(trade.exit_at)} after {held(seconds)}
          </>
        ),
    },
    { label: 'Fees', value: <Money value={trade.fees} digits={4} /> },
    ...(trade.kind === 'hand'
      ? []
      : [{ label: 'Funding', value: <Delta value={trade.funding} as="money" digits={4} /> }]),
  ]
}

const at = (iso: string | null) => (iso ? utcMinute(Date.parse(iso) / 1000) : <NoValue />)

function Legs({ trade }: { trade: Trade }) {
  return (
    <details className="mt-4 text-sm">
      <summary className="cursor-pointer py-1 text-muted">{trade.legs.length} legs</summary>
      <Table
        label={`Legs of ${trade.name}`}
        rows={trade.legs}
        rowKey={(leg) => leg.symbol}
        columns={[
          { head: 'Symbol', cell: (leg) => leg.symbol, name: true },
          { head: 'Side', cell: (leg) => capital(leg.direction), wideOnly: true },
          { head: 'Size', cell: (leg) => <Quantity value={leg.quantity} />, right: true, wideOnly: true },
          { head: 'Entry', cell: (leg) => <Price value={leg.entry_price} />, right: true },
          { head: 'Exit', cell: (leg) => <Price value={leg.exit_price} />, right: true },
          { head: 'Result', cell: (leg) => <Delta value={leg.pnl} as="money" />, right: true },
        ]}
      />
    </details>
  )
}
