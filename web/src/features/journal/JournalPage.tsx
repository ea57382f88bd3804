import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { NotebookPen } from 'lucide-react'

import { Button } from '@/ui/Button'
import { DownloadButton } from '@/ui/DownloadButton'
import { Page } from '@/ui/Layout'
import { Segmented } from '@/ui/Segmented'
import { EmptyState, ProblemNotice, SkeletonRows } from '@/ui/States'

import { DeletedBar } from './DeletedBar'
import type { Draft } from './draft'
import { EntryForm } from './EntryForm'
import { EntryItem } from './EntryItem'
import { FiguresPanel } from './FiguresPanel'
import { JournalFilters } from './JournalFilters'
import type { Filters, GroupBy } from './queries'
import { csvPath, entriesQuery, isFiltered } from './queries'
import { useSeriesNames } from './useSeriesNames'
import { GROUPS, inputOf } from './words'

const SHOWS = [
  { value: 'entries', label: 'Entries' },
  { value: 'figures', label: 'Figures' },
] as const

/** What the user thinks about their trading, beside what the ledger says of it. */
export default function JournalPage() {
  const search = useSearch({ from: '/mine/journal' })
  const navigate = useNavigate({ from: '/journal' })
  useSeriesNames()
  const { show, by, new: writing, series, time, position, ...filters } = search
  if (writing) return <Writing given={given({ series, time, position })} />
  const go = (next: typeof search) => void navigate({ search: next, replace: true })
  const figures = show === 'figures'
  const group = GROUPS.find(([value]) => value === by)?.[0] ?? 'tag'
  const where = { ...(figures ? { show } : {}), ...(by ? { by } : {}) }
  return (
    <Page
      title="Journal"
      actions={
        <>
          <DownloadButton path={csvPath(filters)} name="holdfast-journal.csv">
            <span className="max-md:sr-only">Export</span> CSV
          </DownloadButton>
          <WriteButton />
        </>
      }
    >
      <div className="mb-6">
        <Segmented
          label="Show"
          value={figures ? 'figures' : 'entries'}
          segments={[...SHOWS]}
          onChange={(next) => go({ ...filters, ...(next === 'figures' ? { show: next } : {}) })}
        />
      </div>
      <JournalFilters filters={filters} onChange={(next) => go({ ...where, ...present(next) })} />
      <DeletedBar />
      {figures ? (
        <FiguresPanel
          filters={filters}
          by={group}
          onBy={(next: GroupBy) => go({ ...filters, show: 'figures', by: next })}
        />
      ) : (
        <Entries filters={filters} clear={() => go({})} />
      )}
    </Page>
  )
}

function present(filters: Filters): Filters {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value)) as Filters
}

interface Place {
  series: string | undefined
  time: string | undefined
  position: string | undefined
}

/** What a link from a chart or a position fills in. */
function given(from: Place): Partial<Draft> {
  const seconds = Number(from.time)
  const known = from.time && Number.isFinite(seconds) && Math.abs(seconds) < 8e12
  return {
    ...(from.series ? { series: from.series } : {}),
    ...(known ? { at: inputOf(new Date(seconds * 1000).toISOString()) } : {}),
    ...(from.position ? { kind: 'position' as const, position: from.position } : {}),
  }
}

function WriteButton() {
  const navigate = useNavigate()
  return (
    <Button kind="primary" onClick={() => void navigate({ to: '/journal', search: { new: '1' } })}>
      <NotebookPen aria-hidden className="size-4" />
      Write
    </Button>
  )
}

function Writing({ given }: { given: Partial<Draft> }) {
  const navigate = useNavigate()
  return (
    <Page title="New entry">
      <EntryForm
        given={given}
        onSaved={(saved) =>
          void navigate({ to: '/journal/$entryId', params: { entryId: saved.id }, search: {}, replace: true })
        }
        onCancel={() => void navigate({ to: '/journal', search: {}, replace: true })}
      />
    </Page>
  )
}

function Entries({ filters, clear }: { filters: Filters; clear: () => void }) {
  const query = useInfiniteQuery(entriesQuery(filters))
  const entries = query.data?.pages.flatMap((page) => page.items)
  if (!entries) {
    return query.error ? (
      <ProblemNotice error={query.error} retry={() => void query.refetch()} />
    ) : (
      <SkeletonRows rows={6} label="Loading your journal" />
    )
  }
  if (entries.length === 0) {
    return isFiltered(filters) ? (
      <EmptyState
        title="Nothing fits"
        text="No entry of yours is like that."
        action={<Button onClick={clear}>Show all entries</Button>}
      />
    ) : (
      <EmptyState
        title="Nothing written yet"
        text="Write down why you trade, as you trade. Tie an entry to a position or to fills, and its prices, fees and result are filled in from the ledger. Only you see it."
        action={<WriteButton />}
      />
    )
  }
  return (
    <>
      {query.error && <ProblemNotice error={query.error} retry={() => void query.refetch()} className="mb-4" />}
      <ul aria-label="Entries" className="border-t border-hairline">
        {entries.map((entry) => (
          <li key={entry.id} className="border-b border-hairline py-6">
            <EntryItem entry={entry} onDeleted={() => window.scrollTo({ top: 0 })} />
          </li>
        ))}
      </ul>
      {query.hasNextPage && (
        <Button className="mt-6" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show more
        </Button>
      )}
    </>
  )
}
