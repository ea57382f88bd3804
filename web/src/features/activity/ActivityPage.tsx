import { useNavigate, useSearch } from '@tanstack/react-router'
import { Tabs } from 'radix-ui'

import { DownloadButton } from '@/ui/DownloadButton'
import { Page } from '@/ui/Layout'

import { FilterBar } from './FilterBar'
import type { Filters } from './queries'
import { csvPath } from './queries'
import { FillsTable, OrdersTable, PaymentsTable } from './Tables'

const SHOWS = {
  orders: { label: 'Orders', table: OrdersTable },
  fills: { label: 'Fills', table: FillsTable },
  payments: { label: 'Fees and funding', table: PaymentsTable },
} as const

type Show = keyof typeof SHOWS

const isShow = (text: string | undefined): text is Show => text !== undefined && text in SHOWS

/** What every kind of activity can be filtered by. */
function shared({ position, symbol, from, to }: Filters): Filters {
  return {
    ...(position ? { position } : {}),
    ...(symbol ? { symbol } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
  }
}

/** Everything that happened, filtered by the address. */
export default function ActivityPage() {
  const filters: Filters = useSearch({ from: '/mine/activity' })
  const navigate = useNavigate({ from: '/activity' })
  const show: Show = isShow(filters.show) ? filters.show : 'orders'
  const { table: Table } = SHOWS[show]
  const change = (next: Filters) => void navigate({ search: next, replace: true })
  return (
    <Page
      title="Activity"
      actions={
        <DownloadButton path={csvPath(show, filters)} name={`${show}.csv`}>
          Export CSV
        </DownloadButton>
      }
    >
      <Tabs.Root value={show} onValueChange={(next) => change({ ...shared(filters), show: next })}>
        <Tabs.List aria-label="Kind of activity" className="flex gap-6 border-b border-hairline">
          {Object.entries(SHOWS).map(([name, { label }]) => (
            <Tabs.Trigger
              key={name}
              value={name}
              className="-mb-px h-11 border-b-2 border-transparent text-muted data-[state=active]:border-ink data-[state=active]:font-medium data-[state=active]:text-ink"
            >
              {label}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value={show} tabIndex={-1}>
          <FilterBar show={show} filters={filters} onChange={change} />
          <Table filters={filters} />
        </Tabs.Content>
      </Tabs.Root>
    </Page>
  )
}
