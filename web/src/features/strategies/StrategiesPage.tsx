import { Link } from '@tanstack/react-router'

import { useSeriesNames } from '@/features/journal/useSeriesNames'
import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'
import { EmptyState, ProblemNotice, SkeletonRows } from '@/ui/States'

import { useStrategies } from './queries'
import { StrategyRow } from './StrategyRow'
import { isOver } from './words'

/** Scripts that decide on every closed bar, on paper. */
export default function StrategiesPage() {
  const { data, error, refetch } = useStrategies()
  useSeriesNames()
  const running = data?.filter((each) => !isOver(each)) ?? []
  const over = data?.filter(isOver) ?? []
  return (
    <Page title="Strategies" actions={<StartButton />}>
      <p className="-mt-4 mb-8 max-w-[64ch] text-muted">
        A strategy runs a script on every closed bar and trades what it says <strong>on paper</strong>: no order is ever
        sent to an exchange.
      </p>
      {error && <ProblemNotice error={error} retry={() => void refetch()} className="mb-6" />}
      {!data && !error && <SkeletonRows label="Loading strategies" />}
      {data?.length === 0 && (
        <EmptyState
          title="No strategy yet"
          text="Try a script on history first. Then let it run here and see whether it does live what it did there."
          action={<StartButton />}
        />
      )}
      <List label="Strategies" strategies={running} />
      {over.length > 0 && (
        <section aria-label="Ended" className="mt-12">
          <h2 className="mb-4 text-lg">Ended</h2>
          <List label="Ended strategies" strategies={over} />
        </section>
      )}
    </Page>
  )
}

function List({
  label,
  strategies,
}: {
  label: string
  strategies: React.ComponentProps<typeof StrategyRow>['strategy'][]
}) {
  if (strategies.length === 0) return null
  return (
    <ul aria-label={label} className="border-t border-hairline">
      {strategies.map((strategy) => (
        <StrategyRow key={strategy.id} strategy={strategy} />
      ))}
    </ul>
  )
}

function StartButton() {
  return (
    <Button kind="primary" asChild>
      <Link to="/strategies/new">Run a script</Link>
    </Button>
  )
}
