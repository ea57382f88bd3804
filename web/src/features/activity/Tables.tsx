import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleHelp } from 'lucide-react'
import type { ReactNode } from 'react'

import { SideWord } from '@/features/trade/PlanLegs'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Delta, Money, NoValue, Price, Quantity } from '@/ui/Money'
import type { Paged } from '@/ui/ShowMore'
import { ShowMore } from '@/ui/ShowMore'
import { EmptyState, Notice, ProblemNotice, SkeletonRows } from '@/ui/States'
import type { Column } from '@/ui/Table'
import { Table } from '@/ui/Table'
import { Time } from '@/ui/Time'

import type { Fill, Filters, Order, Payment } from './queries'
import { fillsQuery, isFiltered, ordersQuery, paymentsQuery } from './queries'
import { ORDER_WORDS, PAYMENT_WORDS, ROLE_WORDS, STYLE_WORDS, UNKNOWN_TEXT } from './words'

interface PagedRows<Row> extends Paged {
  data: { pages: { items: Row[] }[] } | undefined
  refetch: () => unknown
}

function PagedTable<Row>({
  label,
  filters,
  query,
  columns,
  rowKey,
}: {
  label: string
  filters: Filters
  query: PagedRows<Row>
  columns: Column<Row>[]
  rowKey: (row: Row) => string
}) {
  if (!query.data) {
    return query.error ? (
      <ProblemNotice error={query.error} retry={() => void query.refetch()} />
    ) : (
      <SkeletonRows rows={6} label={`Loading ${label.toLowerCase()}`} />
    )
  }
  const rows = query.data.pages.flatMap((page) => page.items)
  if (rows.length === 0) return <Nothing what={label.toLowerCase()} filters={filters} />
  return (
    <>
      <Table label={label} rows={rows} columns={columns} rowKey={rowKey} />
      <ShowMore query={query} />
    </>
  )
}

/** On a phone the time stands under the name instead of in a column. */
function PhoneTime({ iso }: { iso: string }) {
  return (
    <span className="block text-xs text-muted md:hidden">
      <Time iso={iso} />
    </span>
  )
}

function Nothing({ what, filters }: { what: string; filters: Filters }): ReactNode {
  if (isFiltered(filters)) {
    return (
      <EmptyState
        title="Nothing fits"
        text={`No ${what} of yours are like that.`}
        action={
          <Button asChild>
            <Link to="/activity" search={filters.show ? { show: filters.show } : {}} replace>
              Show all {what}
            </Link>
          </Button>
        }
      />
    )
  }
  return (
    <EmptyState
      title={`No ${what} yet`}
      text="Everything Holdfast does on your account appears on this page."
      action={
        <Button asChild>
          <Link to="/indices">See the indices</Link>
        </Button>
      }
    />
  )
}

export function OrdersTable({ filters }: { filters: Filters }) {
  const query = useInfiniteQuery(ordersQuery(filters))
  const columns: Column<Order>[] = [
    { head: 'Time', wideOnly: true, cell: (order) => <Time iso={order.created_at} /> },
    {
      head: 'Order',
      name: true,
      cell: (order) => (
        <>
          <Link
            to="/activity/orders/$orderId"
            params={{ orderId: order.id }}
            className="font-medium underline-offset-4 after:absolute hover:underline after:inset-0"
          >
            {order.symbol}
          </Link>
          <PhoneTime iso={order.created_at} />
        </>
      ),
    },
    {
      head: 'For',
      wideOnly: true,
      cell: (order) => (
        <Link
          to="/executions/$executionId/trace"
          params={{ executionId: order.execution_id }}
          search={{ symbol: order.symbol }}
          title="Its timeline"
          className="relative z-10 underline-offset-4 hover:underline"
        >
          {ROLE_WORDS[order.role]} {order.index_name}
        </Link>
      ),
    },
    { head: 'Side', cell: (order) => <SideWord side={order.side} /> },
    {
      head: 'Style',
      wideOnly: true,
      cell: (order) => <span title={STYLE_WORDS[order.style].text}>{STYLE_WORDS[order.style].short}</span>,
    },
    { head: 'Filled', right: true, cell: (order) => <Quantity value={order.filled_quantity} /> },
    { head: 'Quantity', right: true, wideOnly: true, cell: (order) => <Quantity value={order.quantity} /> },
    {
      head: 'Price',
      right: true,
      wideOnly: true,
      cell: (order) => (order.average_price === null ? <NoValue /> : <Price value={order.average_price} />),
    },
    { head: 'State', right: true, cell: (order) => <OrderBadge state={order.state} /> },
  ]
  return (
    <>
      <UnknownNotice orders={query.data?.pages.flatMap((page) => page.items) ?? []} />
      <PagedTable label="Orders" filters={filters} query={query} columns={columns} rowKey={(order) => order.id} />
    </>
  )
}

export function OrderBadge({ state }: { state: Order['state'] }) {
  const tone = state === 'unknown' || state === 'rejected' ? 'error' : 'plain'
  return (
    <Badge tone={tone}>
      {state === 'unknown' && <CircleHelp aria-hidden className="mr-1 -ml-1 size-3.5" />}
      {ORDER_WORDS[state]}
    </Badge>
  )
}

/** Why some of the orders shown have no outcome yet. */
function UnknownNotice({ orders }: { orders: Order[] }) {
  const count = orders.filter((order) => order.state === 'unknown').length
  if (count === 0) return null
  return (
    <Notice kind="warning" className="mb-5">
      <strong className="font-medium">{count === 1 ? 'One order is unknown.' : `${count} orders are unknown.`}</strong>{' '}
      {UNKNOWN_TEXT}
    </Notice>
  )
}

export function FillsTable({ filters }: { filters: Filters }) {
  const query = useInfiniteQuery(fillsQuery(filters))
  const columns: Column<Fill>[] = [
    { head: 'Time', wideOnly: true, cell: (fill) => <Time iso={fill.executed_at} /> },
    {
      head: 'Symbol',
      name: true,
      cell: (fill) => (
        <>
          <span className="font-medium">{fill.symbol}</span>
          <PhoneTime iso={fill.executed_at} />
        </>
      ),
    },
    { head: 'For', wideOnly: true, cell: (fill) => (fill.by_hand ? 'By hand' : fill.index_name || <NoValue />) },
    { head: 'Side', cell: (fill) => <SideWord side={fill.side} /> },
    { head: 'Quantity', right: true, cell: (fill) => <Quantity value={fill.quantity} /> },
    { head: 'Price', right: true, cell: (fill) => <Price value={fill.price} /> },
    { head: 'Value', right: true, wideOnly: true, cell: (fill) => <Money value={fill.value} /> },
    {
      head: 'Fee',
      right: true,
      wideOnly: true,
      cell: (fill) => <Money value={fill.fee} digits={4} unit={fill.fee_asset} />,
    },
  ]
  return <PagedTable label="Fills" filters={filters} query={query} columns={columns} rowKey={(fill) => fill.exec_id} />
}

export function PaymentsTable({ filters }: { filters: Filters }) {
  const query = useInfiniteQuery(paymentsQuery(filters))
  const columns: Column<Payment>[] = [
    { head: 'Time', wideOnly: true, cell: (payment) => <Time iso={payment.at} /> },
    {
      head: 'Kind',
      name: true,
      cell: (payment) => (
        <>
          <span className="font-medium">{PAYMENT_WORDS[payment.kind]}</span>
          <PhoneTime iso={payment.at} />
        </>
      ),
    },
    { head: 'Symbol', cell: (payment) => payment.symbol || <NoValue /> },
    { head: 'For', wideOnly: true, cell: (payment) => payment.index_name || <NoValue /> },
    {
      head: 'Amount',
      right: true,
      cell: (payment) =>
        payment.kind === 'fee' ? (
          <Money value={payment.amount} digits={4} unit={payment.asset} />
        ) : (
          <Delta value={payment.amount} as="money" digits={4} unit={payment.asset} />
        ),
    },
  ]
  return (
    <PagedTable
      label="Fees and funding"
      filters={filters}
      query={query}
      columns={columns}
      rowKey={(payment) => String(payment.id)}
    />
  )
}
