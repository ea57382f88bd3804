import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useMemo } from 'react'

import { isOwn } from '@/features/chart/engine/spec'
import { ownSeries } from '@/features/chart/own/store'
import { symbolWords } from '@/features/chart/words'
import { ChartNotice } from '@/features/indices/Attribution'
import { useSimulated } from '@/features/system/queries'
import { forGeometry, money, percent } from '@/lib/numbers'
import { useStore } from '@/lib/store'
import { Button } from '@/ui/Button'
import type { Fact } from '@/ui/Layout'
import { Facts, Section } from '@/ui/Layout'
import { Delta, Money, NoValue } from '@/ui/Money'
import { Segmented } from '@/ui/Segmented'
import { EmptyState, ProblemNotice, Skeleton, SkeletonRows } from '@/ui/States'
import { Table } from '@/ui/Table'

import type { Figures, Filters, Group, GroupBy, Statistics } from './queries'
import { statisticsQuery } from './queries'
import { GROUPS, held } from './words'

const LevelChart = lazy(() => import('@/features/indices/LevelChart'))

/** How the closed trades of the filtered entries went, altogether and by what one chooses. */
export function FiguresPanel({ filters, by, onBy }: { filters: Filters; by: GroupBy; onBy: (by: GroupBy) => void }) {
  const { data, error, refetch } = useQuery(statisticsQuery(filters, by))
  const navigate = useNavigate()
  if (error) return <ProblemNotice error={error} retry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={6} label="Counting" />
  if (data.overall.trades === 0) {
    return (
      <EmptyState
        title="No closed trade yet"
        text={
          data.open > 0
            ? 'The trades of these entries are still open. They count as soon as they are closed.'
            : 'Tie an entry to a position or to fills, or enter a trade by hand: its result is counted here once it is closed.'
        }
        action={<Button onClick={() => void navigate({ to: '/journal', search: { new: '1' } })}>Write an entry</Button>}
      />
    )
  }
  return (
    <>
      <Facts columns items={facts(data.overall)} />
      <p className="mt-4 text-sm text-muted">{remark(data)}</p>
      <Curve data={data} />
      <Section
        title="Compared"
        note="A trade with several tags counts with each of them. Weekdays and hours are those of the entry, in UTC."
        actions={
          <div className="max-w-full overflow-x-auto" tabIndex={0} role="group" aria-label="Compare by, scrollable">
            <Segmented
              label="Compare by"
              value={by}
              segments={GROUPS.map(([value, label]) => ({ value, label }))}
              onChange={onBy}
            />
          </div>
        }
      >
        <Groups groups={data.groups} by={data.by} />
      </Section>
    </>
  )
}

const ratio = (value: number | null) => (value === null ? <NoValue /> : money(value, 2))

function facts(figures: Figures): Fact[] {
  return [
    {
      label: 'Result',
      value: <Delta value={figures.total} as="money" unit="USDT" />,
      hint: figures.trades === 1 ? '1 trade' : `${figures.trades} trades`,
    },
    {
      label: 'Won',
      value: figures.win_rate === null ? <NoValue /> : percent(figures.win_rate, 1),
      hint: `${figures.won} won, ${figures.lost} lost`,
    },
    { label: 'Average', value: <Delta value={figures.average} as="money" />, hint: 'per trade' },
    {
      label: 'Average win, loss',
      value: (
        <>
          <Money value={figures.average_win} /> <span className="text-muted">/</span>{' '}
          <Money value={figures.average_loss} />
        </>
      ),
    },
    { label: 'Profit factor', value: ratio(figures.profit_factor), hint: 'won over lost' },
    { label: 'Expectancy', value: ratio(figures.expectancy), hint: 'in average losses' },
    { label: 'Largest loss', value: <Delta value={figures.largest_loss} as="money" /> },
    {
      label: 'Held',
      value: figures.holding_seconds === null ? <NoValue /> : held(figures.holding_seconds),
      hint: 'on average',
    },
  ]
}

function remark({ open, by_hand: byHand }: Statistics): string {
  const said = [
    'Each trade counts once, however many entries tell of it.',
    byHand > 0 && `${byHand} of these ${byHand === 1 ? 'was' : 'were'} entered by hand.`,
    open > 0 && `${open} still open: not counted yet.`,
  ]
  return said.filter(Boolean).join(' ')
}

/** The running total, from zero on. */
function Curve({ data }: { data: Statistics }) {
  const simulated = useSimulated() === true
  const { curve } = data
  const points = useMemo(() => {
    const [first] = curve
    if (!first) return []
    const before = forGeometry(first.total) - forGeometry(first.pnl)
    const start = new Date(Date.parse(first.at) - 1000).toISOString()
    return [{ at: start, level: before }, ...curve.map(({ at, total }) => ({ at, level: forGeometry(total) }))]
  }, [curve])
  if (points.length < 2) return null
  return (
    <Section title="Running total" note="In USDT, in the order the trades were closed.">
      <Suspense fallback={<Skeleton className="h-[300px] md:h-[380px]" />}>
        <LevelChart points={points} unit="points" label="Running total of results" watermark={simulated} live={null} />
      </Suspense>
      <div className="mt-3">
        <ChartNotice />
      </div>
    </Section>
  )
}

const groupName = ({ key, label }: Group, by: GroupBy) => (by === 'symbol' && isOwn(key) ? symbolWords(key) : label)

function Groups({ groups, by }: { groups: Group[]; by: GroupBy }) {
  useStore(ownSeries)
  const label = GROUPS.find(([value]) => value === by)?.[1] ?? ''
  return (
    <Table
      label={`Figures by ${label.toLowerCase()}`}
      rows={groups}
      rowKey={(group) => group.key}
      columns={[
        { head: label, cell: (group) => <span className="break-words">{groupName(group, by)}</span>, name: true },
        { head: 'Trades', cell: (group) => group.trades, right: true },
        {
          head: 'Won',
          cell: (group) => (group.win_rate === null ? <NoValue /> : percent(group.win_rate, 0)),
          right: true,
        },
        { head: 'Result', cell: (group) => <Delta value={group.total} as="money" />, right: true },
        { head: 'Average', cell: (group) => <Delta value={group.average} as="money" />, right: true },
        { head: 'Profit factor', cell: (group) => ratio(group.profit_factor), right: true, wideOnly: true },
        { head: 'Expectancy', cell: (group) => ratio(group.expectancy), right: true, wideOnly: true },
        {
          head: 'Largest loss',
          cell: (group) => <Delta value={group.largest_loss} as="money" />,
          right: true,
          wideOnly: true,
        },
        {
          head: 'Held',
          cell: (group) => (group.holding_seconds === null ? <NoValue /> : held(group.holding_seconds)),
          right: true,
          wideOnly: true,
        },
      ]}
    />
  )
}
