import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { useSeriesNames } from '@/features/journal/useSeriesNames'
import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'
import { ShowMore } from '@/ui/ShowMore'
import { EmptyState, ProblemNotice, SkeletonRows } from '@/ui/States'

import { BacktestRow } from './BacktestRow'
import { backtestsQuery } from './queries'

/** What was tried on history, newest first. */
export default function BacktestsPage() {
  const query = useInfiniteQuery(backtestsQuery)
  useSeriesNames()
  const backtests = query.data?.pages.flatMap((page) => page.items)
  return (
    <Page title="Back-tests" actions={<NewButton />}>
      {!backtests && query.error && <ProblemNotice error={query.error} retry={() => void query.refetch()} />}
      {!backtests && !query.error && <SkeletonRows rows={6} label="Loading back-tests" />}
      {backtests?.length === 0 && (
        <EmptyState
          title="Nothing tried yet"
          text="Run one of your scripts, or signals of your own, over past bars: see what it would have earned and cost, beside simply holding."
          action={<NewButton />}
        />
      )}
      {backtests && backtests.length > 0 && (
        <>
          {query.isRefetchError && <ProblemNotice error={query.error} className="mb-6" />}
          <ul aria-label="Back-tests" className="border-t border-hairline">
            {backtests.map((backtest) => (
              <BacktestRow key={backtest.id} backtest={backtest} />
            ))}
          </ul>
          <ShowMore query={query} />
        </>
      )}
    </Page>
  )
}

function NewButton() {
  return (
    <Button kind="primary" asChild>
      <Link to="/backtests/new">New back-test</Link>
    </Button>
  )
}
