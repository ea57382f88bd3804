import { useNavigate, useSearch } from '@tanstack/react-router'

import { ArrowUp } from 'lucide-react'

import { Button } from '@/ui/Button'
import { Choice } from '@/ui/Field'
import { FilterField } from '@/ui/FilterField'
import { FilterForm } from '@/ui/FilterForm'
import { Page } from '@/ui/Layout'
import { EmptyState, Notice, ProblemNotice, SkeletonRows } from '@/ui/States'
import { Time } from '@/ui/Time'

import { NewsLine } from './NewsLine'
import type { Feed, Filters } from './queries'
import { MOODS } from './queries'
import { useNewStories } from './useNewStories'
import { Story } from './Story'
import { FEED_TITLES, MOOD_WORDS } from './words'

/** A quick look at what is written about coins, and in which mood. */
export default function NewsPage() {
  const filters = useSearch({ from: '/news' })
  const navigate = useNavigate({ from: '/news' })
  const change = ({ symbol, mood }: Filters) =>
    void navigate({ search: { ...(symbol ? { symbol } : {}), ...(mood ? { mood } : {}) }, replace: true })
  const filtered = Boolean(filters.symbol ?? filters.mood)
  return (
    <Page title="News">
      {filters.story && <Story id={filters.story} onClose={() => change(filters)} />}
      <FilterForm className="-mt-2 mb-4" filtered={filtered} onClear={() => change({})}>
        <FilterField
          label="Coin"
          className="md:w-40"
          placeholder="BTC"
          autoComplete="off"
          maxLength={40}
          value={filters.symbol ?? ''}
          onChoose={(symbol) => change({ ...filters, symbol })}
        />
        <Choice
          label="Mood"
          className="md:w-44"
          value={filters.mood ?? ''}
          onChange={(event) => change({ ...filters, mood: event.target.value })}
          options={[
            { value: '', label: 'Every mood' },
            ...MOODS.map((mood) => ({ value: mood, label: MOOD_WORDS[mood] })),
          ]}
        />
      </FilterForm>
      <List filters={filters} filtered={filtered} clear={() => change({})} />
    </Page>
  )
}

function List({ filters, filtered, clear }: { filters: Filters; filtered: boolean; clear: () => void }) {
  const { list: query, news, feed, ...newer } = useNewStories(filters)
  if (!news || !feed) {
    return query.error ? (
      <ProblemNotice error={query.error} retry={() => void query.refetch()} />
    ) : (
      <SkeletonRows rows={6} label="Loading news" />
    )
  }
  if (news.length === 0 && filtered) {
    return (
      <EmptyState
        title="Nothing fits"
        text="No article of that coin and mood is known yet."
        action={<Button onClick={clear}>Show all news</Button>}
      />
    )
  }
  if (news.length === 0) {
    return (
      <EmptyState
        title={FEED_TITLES[feed.state] || FEED_TITLES.waiting}
        text={feed.detail || 'The source has told of nothing yet.'}
        action={feed.state === 'no_token' && <GetToken feed={feed} />}
      />
    )
  }
  return (
    <>
      {query.error && <ProblemNotice error={query.error} retry={() => void query.refetch()} className="mb-4" />}
      {feed.detail && (
        <Notice kind="warning" className="mb-4">
          <span className="font-medium">{FEED_TITLES[feed.state]}.</span> {feed.detail}
        </Notice>
      )}
      <NewStories {...newer} />
      <ul aria-label="News" className="border-t border-hairline">
        {news.map((each) => (
          <NewsLine key={each.id} news={each} />
        ))}
      </ul>
      {query.hasNextPage && (
        <Button className="mt-6" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show more
        </Button>
      )}
      <Credit feed={feed} />
    </>
  )
}

/** Says what has become known since, and leaves the list alone until somebody asks. */
function NewStories({ fresh, overflows, show }: { fresh: number; overflows: boolean; show: () => unknown }) {
  const count = fresh === 1 ? '1 new story' : `${fresh}${overflows ? ' or more' : ''} new stories`
  return (
    <div
      role="status"
      className={
        fresh
          ? 'sticky top-[calc(var(--stop-bar,0px)+4rem)] z-10 mb-4 flex justify-center lg:top-[calc(var(--stop-bar,0px)+0.5rem)]'
          : undefined
      }
    >
      {fresh > 0 && (
        <Button
          size="small"
          onClick={() => {
            show()
            scrollTo({ top: 0 })
          }}
        >
          <ArrowUp aria-hidden className="size-4" />
          {count}
        </Button>
      )}
    </div>
  )
}

function GetToken({ feed }: { feed: Feed }) {
  return (
    <Button asChild>
      <a href={feed.source_url} rel="noopener noreferrer" target="_blank">
        Get a free token
      </a>
    </Button>
  )
}

/** Where news and moods are from. */
function Credit({ feed }: { feed: Feed }) {
  return (
    <p className="mt-8 max-w-[80ch] text-xs text-muted">
      News and sentiment:{' '}
      <a href={feed.source_url} rel="noopener noreferrer" target="_blank" className="underline">
        {feed.source}
      </a>
      , read <Time iso={feed.answered_at} />. A mood “estimated by word list” is not the source’s: it is VADER’s, with
      words of the crypto market. Titles and texts belong to their publishers.
    </p>
  )
}
