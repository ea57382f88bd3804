import { Link } from '@tanstack/react-router'
import { ChartCandlestick, Pencil, Trash2 } from 'lucide-react'

import { splitSeries } from '@/features/chart/data/series'
import { ownSeries } from '@/features/chart/own/store'
import { symbolWords } from '@/features/chart/words'
import { capital } from '@/features/trade/words'
import { useStore } from '@/lib/store'
import { utcMinute } from '@/lib/times'
import { Button } from '@/ui/Button'
import { ProblemNotice } from '@/ui/States'

import { Pictures } from './Picture'
import type { Entry } from './queries'
import { TradeFacts } from './TradeFacts'
import { useDelete } from './useWrite'

/** One entry with its trade and its pictures. What its owner wrote is text, never markup. */
export function EntryItem({
  entry,
  alone = false,
  onDeleted,
}: {
  entry: Entry
  alone?: boolean
  onDeleted: () => void
}) {
  const remove = useDelete(entry, onDeleted)
  const seconds = Date.parse(entry.happened_at) / 1000
  return (
    <article aria-label={entry.title} className="min-w-0">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-muted">
        <time dateTime={entry.happened_at} className="tnum">
          {utcMinute(seconds)} UTC
        </time>
        {entry.series && <Market series={entry.series} />}
        {entry.setup && <span>{entry.setup}</span>}
        {entry.mood && <span>{capital(entry.mood)}</span>}
        {entry.rating !== null && <span>{entry.rating} of 5</span>}
      </p>
      {!alone && (
        <h2 className="mt-1 text-lg break-words">
          <Link
            to="/journal/$entryId"
            params={{ entryId: entry.id }}
            search={{}}
            className="underline-offset-4 hover:underline"
          >
            {entry.title}
          </Link>
        </h2>
      )}
      {entry.text && <p className="mt-2 max-w-[72ch] break-words whitespace-pre-wrap">{entry.text}</p>}
      {entry.trade && <TradeFacts trade={entry.trade} />}
      <Pictures images={entry.images} title={entry.title} />
      <Tags tags={entry.tags} />
      <div className="mt-4 flex flex-wrap gap-2">
        <Button size="small" kind="quiet" asChild>
          <Link
            to="/journal/$entryId"
            params={{ entryId: entry.id }}
            search={{ edit: '1' }}
            aria-label={`Edit ${entry.title}`}
          >
            <Pencil aria-hidden className="size-4" />
            Edit
          </Link>
        </Button>
        <Button
          size="small"
          kind="quiet"
          aria-label={`Delete ${entry.title}`}
          busy={remove.isPending}
          onClick={() => remove.mutate()}
        >
          <Trash2 aria-hidden className="size-4" />
          Delete
        </Button>
      </div>
      {remove.error && <ProblemNotice error={remove.error} className="mt-3" />}
    </article>
  )
}

function Market({ series }: { series: string }) {
  const [source, symbol] = splitSeries(series)
  useStore(ownSeries)
  return (
    <Link
      to="/chart/$source/$symbol"
      params={{ source, symbol }}
      search={{}}
      title={`Chart of ${symbolWords(series)}`}
      className="inline-flex items-center gap-1 font-medium text-ink underline-offset-4 hover:underline"
    >
      <ChartCandlestick aria-hidden className="size-4 text-muted" />
      {symbolWords(series)}
    </Link>
  )
}

function Tags({ tags }: { tags: string[] }) {
  if (tags.length === 0) return null
  return (
    <ul aria-label="Tags" className="mt-4 flex flex-wrap gap-2">
      {tags.map((tag) => (
        <li key={tag} className="min-w-0">
          <Link
            to="/journal"
            search={{ tag }}
            className="inline-flex min-h-7 items-center rounded-full border border-hairline px-2.5 text-xs font-medium break-all hover:bg-hover max-md:min-h-9"
          >
            #{tag}
          </Link>
        </li>
      ))}
    </ul>
  )
}
