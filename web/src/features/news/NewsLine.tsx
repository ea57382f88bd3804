import { Link } from '@tanstack/react-router'

import { Time } from '@/ui/Time'

import { MoodMark, MoodSign } from './Moods'
import type { Mention, News } from './queries'

/** One article: its mood and who says so, what it is about, where it is from and when it became known. */
export function NewsLine({ news }: { news: News }) {
  return (
    <li className="grid gap-x-6 gap-y-2 border-b border-hairline py-5 md:grid-cols-[152px_1fr]">
      <MoodMark mood={news.mood} basis={news.basis} />
      <article className="min-w-0">
        <h2 className="text-base font-medium break-words">
          <Source url={news.url}>{news.title}</Source>
        </h2>
        {news.description && <p className="mt-1 line-clamp-2 max-w-[72ch] text-sm text-muted">{news.description}</p>}
        <p className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-muted md:gap-x-2">
          <span className="break-all">{news.publisher || 'unknown publisher'}</span>
          <span aria-hidden className="max-md:hidden">
            ·
          </span>
          <span>
            published <Time iso={news.published_at} />
          </span>
          <span aria-hidden className="max-md:hidden">
            ·
          </span>
          <span>
            known here <Time iso={news.known_at} />
          </span>
        </p>
        <Coins mentions={news.mentions} />
        <Similar news={news} />
      </article>
    </li>
  )
}

/** A link out, where there is an address one may follow. */
function Source({ url, children }: { url: string; children: string }) {
  if (!url) return <>{children}</>
  return (
    <a
      href={url}
      rel="noopener noreferrer nofollow"
      referrerPolicy="no-referrer"
      target="_blank"
      className="underline-offset-4 hover:underline"
    >
      {children}
    </a>
  )
}

function Coins({ mentions }: { mentions: Mention[] }) {
  if (mentions.length === 0) return <p className="mt-2 text-xs text-muted">No coin is named.</p>
  return (
    <ul aria-label="Coins named" className="mt-2 flex flex-wrap gap-2">
      {mentions.map((each) => (
        <li key={each.asset_id}>
          <Link
            to="/news"
            search={{ symbol: each.ticker }}
            title={each.highlight ? `${each.name}: “${each.highlight}”` : each.name}
            className="inline-flex h-7 items-center gap-1.5 rounded-full border border-hairline px-2.5 text-xs font-medium hover:bg-hover max-md:h-9"
          >
            {each.ticker}
            <MoodSign mood={each.mood} />
          </Link>
        </li>
      ))}
    </ul>
  )
}

/** The same news elsewhere. */
function Similar({ news }: { news: News }) {
  if (news.similar.length === 0) return null
  return (
    <details className="mt-2 text-xs text-muted">
      <summary className="cursor-pointer py-1">
        {news.similar.length === 1 ? '1 similar article' : `${news.similar.length} similar articles`}
      </summary>
      <ul className="mt-1 space-y-1">
        {news.similar.map((each, place) => (
          <li key={place} className="break-words">
            <Source url={each.url}>{each.title}</Source> ({each.publisher || 'unknown publisher'})
          </li>
        ))}
      </ul>
    </details>
  )
}
