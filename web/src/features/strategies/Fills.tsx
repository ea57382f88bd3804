import { useInfiniteQuery } from '@tanstack/react-query'

import { capital } from '@/features/trade/words'
import { utcMinute } from '@/lib/times'
import { Section } from '@/ui/Layout'
import { Money, Price, Quantity } from '@/ui/Money'
import { ShowMore } from '@/ui/ShowMore'
import { ProblemNotice, SkeletonRows } from '@/ui/States'
import type { Column } from '@/ui/Table'
import { Table } from '@/ui/Table'

import { fillsQuery } from './queries'
import type { Strategy, StrategyFill } from './types'
import { REASON_WORDS } from './words'

const COLUMNS: Column<StrategyFill>[] = [
  {
    head: 'Time (UTC)',
    name: true,
    cell: (fill) => <span className="tnum whitespace-nowrap">{utcMinute(Date.parse(fill.at) / 1000)}</span>,
  },
  {
    head: 'Side',
    cell: (fill) => (
      <>
        {capital(fill.side)}
        {REASON_WORDS[fill.reason] && <span className="block text-xs text-muted">{REASON_WORDS[fill.reason]}</span>}
      </>
    ),
  },
  { head: 'Quantity', right: true, cell: (fill) => <Quantity value={fill.quantity} /> },
  { head: 'Price', right: true, cell: (fill) => <Price value={fill.price} /> },
  { head: 'Value', right: true, wideOnly: true, cell: (fill) => <Money value={fill.value} /> },
  { head: 'Fee', right: true, wideOnly: true, cell: (fill) => <Money value={fill.fee} digits={4} /> },
]

/** What was bought and sold, on paper. */
export function Fills({ strategy }: { strategy: Strategy }) {
  const query = useInfiniteQuery(fillsQuery(strategy.id))
  const fills = query.data?.pages.flatMap((page) => page.items)
  return (
    <Section title="Fills on paper" note="At the open of the bar after a decision, with fee and slippage.">
      {!fills && query.error && <ProblemNotice error={query.error} retry={() => void query.refetch()} />}
      {!fills && !query.error && <SkeletonRows rows={3} label="Loading fills" />}
      {fills?.length === 0 && <p className="text-muted">It has not traded yet.</p>}
      {fills && fills.length > 0 && (
        <Table label="Fills on paper" rows={fills} rowKey={(fill) => String(fill.id)} columns={COLUMNS} />
      )}
      <ShowMore query={query} size="small" />
    </Section>
  )
}
