import { useInfiniteQuery } from '@tanstack/react-query'

import { capital as capitalised } from '@/features/trade/words'
import { utcMinute } from '@/lib/times'
import { DownloadButton } from '@/ui/DownloadButton'
import { Section } from '@/ui/Layout'
import { price, quantity } from '@/lib/numbers'
import { Delta, Money, NoValue } from '@/ui/Money'
import { ShowMore } from '@/ui/ShowMore'
import { ProblemNotice, SkeletonRows } from '@/ui/States'
import type { Column } from '@/ui/Table'
import { Table } from '@/ui/Table'

import { aligned } from './aligned'
import { tradesCsv, tradesQuery } from './queries'
import type { Backtest, Trade } from './types'
import { count } from './words'

const at = (iso: string) => <span className="whitespace-nowrap">{utcMinute(Date.parse(iso) / 1000)}</span>

/** Exact on hover. */
function exact(value: string | null, words: (value: string) => string) {
  if (value === null) return <NoValue />
  return (
    <span className="tnum whitespace-nowrap" title={value}>
      {words(value)}
    </span>
  )
}

function columnsOf(trades: readonly Trade[]): Column<Trade>[] {
  const prices = aligned(
    trades.flatMap(({ entry, exit }) => [entry, exit]),
    price,
  )
  const quantities = aligned(
    trades.map((trade) => trade.quantity),
    quantity,
  )
  return [
    ...COLUMNS,
    { head: 'Entry', right: true, wideOnly: true, cell: (trade) => exact(trade.entry, prices) },
    { head: 'Exit', right: true, wideOnly: true, cell: (trade) => exact(trade.exit, prices) },
    { head: 'Quantity', right: true, wideOnly: true, cell: (trade) => exact(trade.quantity, quantities) },
    { head: 'Fees', right: true, wideOnly: true, cell: (trade) => <Money value={trade.fees} /> },
  ]
}

const COLUMNS: Column<Trade>[] = [
  { head: '#', name: true, cell: (trade) => <span className="tnum text-muted">{count(trade.number)}</span> },
  { head: 'Side', cell: (trade) => capitalised(trade.side) },
  { head: 'Opened (UTC)', cell: (trade) => at(trade.opened_at) },
  {
    head: 'Closed (UTC)',
    wideOnly: true,
    cell: (trade) => (trade.closed_at ? at(trade.closed_at) : <span className="text-muted">still open</span>),
  },
  {
    head: 'Result',
    right: true,
    cell: (trade) => (
      <>
        <Delta value={trade.profit} as="money" />
        <span className="block text-xs">
          <Delta value={trade.profit_share} />
        </span>
      </>
    ),
  },
]

/** Every round trip, and the file of all of them. */
export function Trades({ backtest }: { backtest: Backtest }) {
  const query = useInfiniteQuery(tradesQuery(backtest.id))
  const trades = query.data?.pages.flatMap((page) => page.items)
  return (
    <Section
      title="Trades"
      note="From flat to flat: what was bought and sold again, or the other way round."
      actions={
        trades &&
        trades.length > 0 && (
          <DownloadButton path={tradesCsv(backtest.id)} name={`${fileName(backtest)}-trades.csv`} size="small">
            CSV
          </DownloadButton>
        )
      }
    >
      {!trades && query.error && <ProblemNotice error={query.error} retry={() => void query.refetch()} />}
      {!trades && !query.error && <SkeletonRows rows={5} label="Loading trades" />}
      {trades?.length === 0 && <p className="text-muted">It never traded.</p>}
      {trades && trades.length > 0 && (
        <Table label="Trades" rows={trades} rowKey={(trade) => String(trade.number)} columns={columnsOf(trades)} />
      )}
      <ShowMore query={query} />
    </Section>
  )
}

const fileName = ({ source }: Backtest) => source.name.replaceAll(/[^\w.-]+/g, '-').slice(0, 60) || 'back-test'
