import type { QueryKey, UseQueryOptions } from '@tanstack/react-query'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'

import { useSimulated } from '@/features/system/queries'
import { Section } from '@/ui/Layout'
import { ProblemNotice, Skeleton } from '@/ui/States'

import type { Equity } from './equity'

const EquityChart = lazy(() => import('./EquityChart'))
/** As high as the chart will be, so that nothing jumps. */
const ROOM = 'h-[412px]'

/** The curve of an account, once it has come. */
export function EquitySection<Key extends QueryKey>({
  query,
  name,
  quote,
  note,
}: {
  query: UseQueryOptions<Equity, Error, Equity, Key>
  name: string
  quote: string
  note?: string
}) {
  const { data, error, refetch } = useQuery(query)
  const simulated = useSimulated() === true
  return (
    <Section title="Equity" note={note}>
      {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton className={ROOM} label="Loading the equity" />}
      {data && data.time.length < 2 && <p className="text-muted">The curve begins with the second bar.</p>}
      {data && data.time.length > 1 && (
        <Suspense fallback={<Skeleton className={ROOM} />}>
          <EquityChart data={data} label={`Equity of ${name}`} quote={quote} watermark={simulated} />
        </Suspense>
      )}
    </Section>
  )
}
