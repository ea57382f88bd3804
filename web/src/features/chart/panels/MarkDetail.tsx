import { Link } from '@tanstack/react-router'

import { BASIS_WORDS, MOOD_WORDS } from '@/features/news/words'
import { price as priceText, quantity } from '@/lib/numbers'
import { useStore } from '@/lib/store'
import { utcMinute } from '@/lib/times'

import type { Fill, MarkItem, NewsMark, Signal } from '../marks/model'
import { signalSets } from '../own/store'

/** What one mark tells. */
export function MarkDetail({ item }: { item: MarkItem }) {
  switch (item.kind) {
    case 'news':
      return <Story news={item.news} sign={item.sign} />
    case 'fill':
      return <Trade fill={item.fill} />
    case 'signal':
      return <OwnSignal signal={item.signal} />
    case 'script':
      return (
        <>
          <p className="text-xs break-words text-muted">{item.mark.script}</p>
          <p className="mt-0.5 font-medium break-words">{item.mark.words || 'Mark'}</p>
          <When words="Known at the close of the bar of" seconds={item.time} />
        </>
      )
    case 'journal':
      return (
        <>
          <p className="text-xs text-muted">Journal</p>
          <p className="mt-0.5 font-medium break-words">
            <Link
              to="/journal/$entryId"
              params={{ entryId: item.entry.id }}
              className="underline-offset-4 hover:underline"
            >
              {item.entry.title || 'Entry without a title'}
            </Link>
          </p>
          <When seconds={item.entry.time} />
        </>
      )
  }
}

const secondsOf = (iso: string) => Date.parse(iso) / 1000

function When({ seconds, words = '' }: { seconds: number; words?: string }) {
  return (
    <p className="mt-0.5 text-xs break-words text-muted">
      {words} {utcMinute(seconds)} UTC
    </p>
  )
}

const MOOD_LOOKS = { positive: 'text-up', negative: 'text-down', neutral: 'text-muted', unknown: 'text-muted' }

function Story({ news, sign }: { news: NewsMark; sign: string }) {
  return (
    <>
      <p className="flex items-center gap-1.5 text-xs text-muted">
        <span aria-hidden className={`text-sm font-semibold ${MOOD_LOOKS[news.mood]}`}>
          {sign}
        </span>
        {MOOD_WORDS[news.mood]}, {BASIS_WORDS[news.basis]}
      </p>
      <p className="mt-0.5 font-medium break-words">
        <Link to="/news" search={{ story: news.id }} className="underline-offset-4 hover:underline">
          {news.title}
        </Link>
      </p>
      <When words="Known here" seconds={news.time} />
      <When words={`${news.publisher || 'Unknown publisher'},`} seconds={secondsOf(news.published_at)} />
    </>
  )
}

function Trade({ fill }: { fill: Fill }) {
  return (
    <>
      <p className="font-medium">
        {fill.side === 'buy' ? 'Bought' : 'Sold'} {quantity(fill.quantity)} at {priceText(fill.price)}
      </p>
      <p className="mt-0.5 text-xs text-muted">
        {fill.by_hand ? 'by hand' : fill.index_name}, fee {fill.fee} {fill.fee_asset}
      </p>
      <When seconds={secondsOf(fill.executed_at)} />
    </>
  )
}

function OwnSignal({ signal }: { signal: Signal }) {
  const name = useStore(signalSets).get(signal.dataset_id)
  return (
    <>
      <p className="text-xs break-words text-muted">{name ?? 'Your signals'}</p>
      <p className="mt-0.5 font-medium break-words">
        <span className="capitalize">{signal.type}</span>
        {signal.price !== null && ` at ${priceText(signal.price)}`}
      </p>
      {signal.label && <p className="mt-0.5 break-words">{signal.label}</p>}
      <When seconds={signal.time} />
    </>
  )
}
