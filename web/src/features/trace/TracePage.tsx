import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Braces } from 'lucide-react'

import { isFinished } from '@/features/trade/queries'
import { endingTitle } from '@/features/trade/words'
import { duration } from '@/lib/times'
import { Button } from '@/ui/Button'
import { Choice } from '@/ui/Field'
import { Facts, Page } from '@/ui/Layout'
import { Segmented } from '@/ui/Segmented'
import { EmptyState, Notice, ProblemNotice, SkeletonRows } from '@/ui/States'
import { toast } from '@/ui/toasts'

import { chosen, isShow, slowest, wholeOf } from './lines'
import type { Trace } from './queries'
import { traceQuery } from './queries'
import { TimeLine } from './TimeLine'

/** Everything that happened in an execution, in order and to the millisecond. */
export default function TracePage() {
  const { executionId } = useParams({ from: '/mine/executions/$executionId/trace' })
  const { data, error, refetch } = useQuery(traceQuery(executionId))
  const back = (
    <Link to="/executions/$executionId" params={{ executionId }}>
      ← Back to the execution
    </Link>
  )
  if (!data) {
    return (
      <Page title="Timeline" above={back}>
        {error ? (
          <ProblemNotice error={error} retry={() => void refetch()} />
        ) : (
          <SkeletonRows rows={10} label="Loading the timeline" />
        )}
      </Page>
    )
  }
  return (
    <Page title={`Timeline of ${data.execution.index_name}`} above={back} actions={<CopyButton trace={data} />}>
      {error && <ProblemNotice error={error} retry={() => void refetch()} className="mb-6" />}
      <Summary trace={data} />
      <Filtered trace={data} />
    </Page>
  )
}

function CopyButton({ trace }: { trace: Trace }) {
  async function copy() {
    const text = JSON.stringify(trace, null, 2)
    try {
      await navigator.clipboard.writeText(text)
      toast('The timeline is copied as JSON.')
    } catch {
      toast('The browser does not allow copying here. On the command line: holdfast trace ' + trace.execution.id)
    }
  }
  return (
    <Button onClick={() => void copy()}>
      <Braces aria-hidden className="size-4" />
      Copy as JSON
    </Button>
  )
}

function Summary({ trace }: { trace: Trace }) {
  const { execution, items } = trace
  const whole = wholeOf(items)
  const longest = slowest(items)
  return (
    <Facts
      className="mb-8"
      items={[
        { label: isFinished(execution) ? 'Ended' : 'Now', value: endingTitle(execution) },
        { label: isFinished(execution) ? 'From start to end' : 'So far', value: duration(whole.to - whole.from) },
        { label: 'Requests', value: items.filter((item) => item.kind === 'request').length },
        { label: 'Slowest answer', value: longest === null ? '–' : duration(longest) },
      ]}
    />
  )
}

function Filtered({ trace }: { trace: Trace }) {
  const search = useSearch({ from: '/mine/executions/$executionId/trace' })
  const navigate = useNavigate({ from: '/executions/$executionId/trace' })
  const show = isShow(search.show) ? search.show : 'all'
  const symbols = [...new Set(trace.items.map((item) => item.symbol).filter(Boolean))].sort()
  const items = chosen(trace.items, show, search.symbol)
  const set = (change: { show?: string; symbol?: string }) =>
    void navigate({
      search: { ...search, ...change },
      replace: true,
    })
  return (
    <>
      <div role="search" aria-label="Filters" className="mb-6 flex flex-wrap items-center gap-3">
        <Segmented
          label="What to show"
          value={show}
          onChange={(next) => set({ show: next })}
          segments={[
            { value: 'all', label: 'All' },
            { value: 'orders', label: 'Orders' },
            { value: 'requests', label: 'Requests' },
            { value: 'events', label: 'Events' },
          ]}
        />
        <Choice
          label="Instrument"
          hideLabel
          value={search.symbol ?? ''}
          onChange={(event) => set({ symbol: event.target.value })}
          options={[
            { value: '', label: 'Every instrument' },
            ...symbols.map((symbol) => ({ value: symbol, label: symbol })),
          ]}
        />
      </div>
      {trace.truncated && (
        <Notice className="mb-6">More happened than is kept: the middle of a long story may be missing.</Notice>
      )}
      {items.length === 0 ? (
        <EmptyState title="Nothing of that kind happened" text="Choose something else to show." />
      ) : (
        <TimeLine items={items} whole={wholeOf(trace.items)} />
      )}
    </>
  )
}
