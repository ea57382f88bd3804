import { useQuery } from '@tanstack/react-query'

import { Page, Section } from '@/ui/Layout'
import { EmptyState, ProblemNotice, SkeletonRows } from '@/ui/States'

import { DatasetItem } from './DatasetItem'
import { Imports } from './Imports'
import type { Dataset, Quota } from './queries'
import { datasetsQuery } from './queries'
import { UploadForm } from './UploadForm'
import { count } from './words'

/** The user's own bars and signals. Nobody else sees them. */
export default function DataPage() {
  const { data, error, refetch } = useQuery(datasetsQuery)
  return (
    <Page title="Your data">
      <UploadForm mostBytes={data?.quota.most_bytes} />
      <Section title="Datasets" note={data && <Room quota={data.quota} />}>
        {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
        {!data && !error && <SkeletonRows rows={3} label="Loading your data" />}
        {data?.datasets.length === 0 && (
          <EmptyState
            title="Nothing here yet"
            text="Bars you add are charted like any market, with every indicator. Signals are marks on a chart. Only you see them."
          />
        )}
        {data && data.datasets.length > 0 && (
          <ul aria-label="Datasets" className="border-t border-hairline">
            {data.datasets.map((dataset) => (
              <DatasetItem key={dataset.id} dataset={dataset} shownOn={barsOf(dataset, data.datasets)} />
            ))}
          </ul>
        )}
      </Section>
      <Imports />
    </Page>
  )
}

const barsOf = ({ kind, series }: Dataset, all: Dataset[]) =>
  kind === 'signals' ? all.find((each) => each.kind === 'bars' && each.series === series) : undefined

function Room({ quota }: { quota: Quota }) {
  return (
    <>
      {count(quota.datasets)} of {count(quota.most_datasets)} datasets, {count(quota.rows)} of {count(quota.most_rows)}{' '}
      rows.
    </>
  )
}
