import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'

import { Page } from '@/ui/Layout'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import { EntryForm } from './EntryForm'
import { EntryItem } from './EntryItem'
import { entryQuery } from './queries'
import { useSeriesNames } from './useSeriesNames'

/** One entry: to be read, or to be changed. */
export default function EntryPage() {
  const { entryId } = useParams({ from: '/mine/journal/$entryId' })
  const { edit } = useSearch({ from: '/mine/journal/$entryId' })
  const navigate = useNavigate()
  useSeriesNames()
  const { data: entry, error, refetch } = useQuery(entryQuery(entryId))
  const back = (
    <Link to="/journal" search={{}}>
      ← Journal
    </Link>
  )
  if (!entry) {
    return (
      <Page title="Entry" above={back}>
        {error ? (
          <ProblemNotice error={error} retry={() => void refetch()} />
        ) : (
          <SkeletonRows rows={4} label="Loading the entry" />
        )}
      </Page>
    )
  }
  if (edit) {
    const leave = () => void navigate({ to: '/journal/$entryId', params: { entryId }, search: {}, replace: true })
    return (
      <Page title={`Change “${entry.title}”`} above={back}>
        <EntryForm key={entry.id} entry={entry} onSaved={leave} onCancel={leave} />
      </Page>
    )
  }
  return (
    <Page title={entry.title} above={back}>
      <EntryItem entry={entry} alone onDeleted={() => void navigate({ to: '/journal', search: {} })} />
    </Page>
  )
}
