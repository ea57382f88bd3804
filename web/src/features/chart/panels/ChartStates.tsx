import { Loader } from 'lucide-react'

import { ProblemError } from '@/api/problem'
import { useStore } from '@/lib/store'
import { utcMinute } from '@/lib/times'
import { Button } from '@/ui/Button'
import { EmptyState, ProblemNotice, Skeleton } from '@/ui/States'

import { splitSeries } from '../data/series'
import type { ChartEngine } from '../engine/ChartEngine'
import { isOwn } from '../engine/spec'
import { gapWords, sourceWords, symbolWords } from '../words'
import { AtFoot } from './Trouble'

/** What stands over the chart while its bars are not there: a skeleton, or what went wrong and what to do. */
export function ChartStates({ engine, series }: { engine: ChartEngine; series: string }) {
  const { phase, error, edge } = useStore(engine.feed.state)
  const empty = engine.feed.window.length === 0
  if (phase === 'loading') {
    return (
      <div role="status" aria-label="Loading bars" className="absolute inset-0 bg-canvas p-4 pt-16">
        <Skeleton className="h-full" />
      </div>
    )
  }
  if (phase === 'failed' && empty) {
    return (
      <div className="absolute inset-0 grid place-items-center bg-canvas p-6">
        {isMissing(error) ? (
          <EmptyState {...missingWords(series)} />
        ) : (
          <ProblemNotice error={error} retry={() => engine.opener.retry()} />
        )}
      </div>
    )
  }
  if (phase === 'ready' && empty) {
    return (
      <p className="absolute inset-0 grid place-items-center bg-canvas p-6 text-muted">
        There are no bars of this symbol yet. They appear as soon as the first one is traded or fetched.
      </p>
    )
  }
  const trouble = phase === 'failed' ? error : edge?.error
  if (!trouble) return null
  return (
    <AtFoot>
      <div className="max-w-md rounded-card bg-canvas p-3 shadow-sheet">
        <ProblemNotice error={trouble} retry={() => engine.opener.retry()} />
      </div>
    </AtFoot>
  )
}

function missingWords(series: string) {
  if (isOwn(series)) {
    return {
      title: 'This data is not among yours',
      text: 'It was deleted, or it belongs to another account. Choose another with the search above.',
    }
  }
  return {
    title: `There is no ${symbolWords(series)} here`,
    text: `${sourceWords(splitSeries(series)[0])} lists no market of that name. Choose another with the search above.`,
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof ProblemError && error.problem.status === 404
}

/** Whether history is still being fetched, and the gaps among the bars that are held. */
export function HistoryNote({ engine }: { engine: ChartEngine }) {
  const { backfill, gaps } = useStore(engine.feed.state)
  return (
    <>
      {backfill && backfill.total > 0 && (
        <span role="status" className="flex items-center gap-1.5">
          <Loader aria-hidden className="size-3.5 animate-spin" />
          Fetching history, {Math.floor((100 * backfill.done) / backfill.total)}%
        </span>
      )}
      {gaps.length > 0 && (
        <details className="relative">
          <summary className="cursor-pointer">
            {gaps.length} {gaps.length === 1 ? 'gap' : 'gaps'}
          </summary>
          <ul className="absolute bottom-6 left-0 z-20 max-h-60 w-72 overflow-y-auto rounded-card bg-canvas p-3 text-ink shadow-sheet">
            {gaps.map((gap) => (
              <li key={`${gap.from}-${gap.until}`} className="py-1">
                {utcMinute(gap.from)} to {utcMinute(gap.until)}: {gapWords(gap.reason)}{' '}
                <Button size="small" kind="quiet" className="underline" onClick={() => engine.opener.goTo(gap.from)}>
                  Show
                </Button>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}
