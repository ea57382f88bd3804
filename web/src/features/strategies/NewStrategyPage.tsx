import { useQuery } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'

import { draftOf, EMPTY_DRAFT } from '@/features/backtests/draft'
import { backtestQuery } from '@/features/backtests/queries'
import { asTimeframe } from '@/features/chart/data/timeframes'
import { Page } from '@/ui/Layout'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import { StrategyForm } from './StrategyForm'

/** A new one, of a script, or with the settings of a back-test (`from`). */
export default function NewStrategyPage() {
  const { from = '', script = '', series = '', tf } = useSearch({ from: '/mine/strategies/new' })
  const before = useQuery({ ...backtestQuery(from), enabled: from !== '' })
  const timeframe = asTimeframe(tf)
  const given = { ...EMPTY_DRAFT, scriptId: script, series, ...(timeframe ? { timeframe } : {}) }
  return (
    <Page title="Run a script on paper" above={<Link to="/strategies">← All strategies</Link>} narrow>
      <p className="-mt-4 mb-10 max-w-[64ch] text-muted">
        From the next closed bar on it decides, and its trades are booked here. No order is sent to an exchange.
      </p>
      {!from && <StrategyForm key={`${script} ${series}`} initial={given} />}
      {from && before.data && <StrategyForm key={from} initial={draftOf(before.data)} />}
      {from && !before.data && before.error && (
        <ProblemNotice error={before.error} retry={() => void before.refetch()} />
      )}
      {from && !before.data && !before.error && <SkeletonRows rows={6} label="Loading the settings" />}
    </Page>
  )
}
