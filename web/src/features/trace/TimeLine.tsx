import { Link } from '@tanstack/react-router'
import clsx from 'clsx'
import { ArrowDownLeft, ArrowUpRight, Cog, FileText, GitBranch, Radio, TriangleAlert, Zap } from 'lucide-react'
import type { ComponentType } from 'react'
import { useState } from 'react'

import { absolute, duration, offset } from '@/lib/times'
import { Button } from '@/ui/Button'
import { Details } from '@/ui/Details'

import type { Span } from './lines'
import { isTrouble, placeOf, spanOf } from './lines'
import type { Item } from './queries'

const KINDS: Record<Item['kind'], { icon: ComponentType<{ className?: string; strokeWidth?: number }>; word: string }> =
  {
    row: { icon: FileText, word: 'Written' },
    request: { icon: ArrowUpRight, word: 'Request' },
    answer: { icon: ArrowDownLeft, word: 'Answer' },
    event: { icon: Zap, word: 'Event' },
    decision: { icon: GitBranch, word: 'Decision' },
    job: { icon: Cog, word: 'Job' },
    stream: { icon: Radio, word: 'Stream' },
  }

const STEP = 250
const GRID =
  'md:grid md:grid-cols-[76px_20px_minmax(0,1fr)_112px_60px] md:items-center md:gap-x-4 lg:grid-cols-[92px_20px_minmax(0,1fr)_220px_72px]'

/** A row for everything that happened; bars show when, and for how long. */
export function TimeLine({ items, whole }: { items: Item[]; whole: Span }) {
  const [most, setMost] = useState(STEP)
  return (
    <>
      <Axis whole={whole} />
      <ol aria-label="Timeline" className="border-t border-hairline">
        {items.slice(0, most).map((item, place) => (
          <Line key={`${place}-${item.at}-${item.title}`} item={item} whole={whole} />
        ))}
      </ol>
      {items.length > most && (
        <Button className="mt-6" onClick={() => setMost(most + STEP)}>
          Show {Math.min(STEP, items.length - most)} more of {items.length - most}
        </Button>
      )}
    </>
  )
}

function Axis({ whole }: { whole: Span }) {
  const middle = (whole.to - whole.from) / 2
  return (
    <div aria-hidden className={clsx('hidden pb-1 text-xs text-muted', GRID)}>
      <span>Seconds</span>
      <span />
      <span />
      <span className="tnum flex justify-between">
        <span>0</span>
        <span>{duration(middle)}</span>
        <span>{duration(whole.to - whole.from)}</span>
      </span>
      <span className="text-right">Took</span>
    </div>
  )
}

function Line({ item, whole }: { item: Item; whole: Span }) {
  const { icon, word } = KINDS[item.kind]
  const trouble = isTrouble(item)
  const Icon = trouble ? TriangleAlert : icon
  return (
    <li className="border-b border-hairline">
      <details className="group">
        <summary
          className={clsx(
            'list-none cursor-pointer py-2 hover:bg-surface [&::-webkit-details-marker]:hidden',
            'grid grid-cols-[20px_minmax(0,1fr)] gap-x-3',
            GRID,
          )}
        >
          <time
            dateTime={item.at}
            title={absolute(item.at)}
            className="tnum text-sm text-muted max-md:order-2 max-md:col-start-2"
          >
            {offset(item.after_ms)}
            <span className="md:hidden">{item.took_ms !== null && `, took ${duration(item.took_ms)}`}</span>
          </time>
          <span className="max-md:row-span-3">
            <Icon
              aria-hidden
              className={clsx('mt-0.5 size-4 md:mt-0', trouble ? 'text-error' : 'text-muted')}
              strokeWidth={1.75}
            />
            <span className="sr-only">{word}: </span>
          </span>
          <span className="min-w-0 text-sm break-words md:text-base">
            {item.symbol && !item.title.includes(item.symbol) && <span className="text-muted">{item.symbol}: </span>}
            {item.title}
          </span>
          <Bar item={item} whole={whole} trouble={trouble} />
          <span className="tnum text-right text-sm text-muted max-md:hidden">
            {item.took_ms !== null && duration(item.took_ms)}
          </span>
        </summary>
        <div className="pb-4 pl-8 md:pl-[128px] lg:pl-[144px]">
          <p className="text-sm text-muted">
            {word}, {absolute(item.at)}
            {item.order_id && (
              <>
                {' · '}
                <Link
                  to="/activity/orders/$orderId"
                  params={{ orderId: item.order_id }}
                  className="underline underline-offset-4"
                >
                  Its order
                </Link>
              </>
            )}
          </p>
          <Details detail={item.detail} />
        </div>
      </details>
    </li>
  )
}

function Bar({ item, whole, trouble }: { item: Item; whole: Span; trouble: boolean }) {
  const { left, width } = placeOf(spanOf(item), whole)
  const quick = item.took_ms === null
  return (
    <span aria-hidden className="relative block h-3 max-md:order-3 max-md:col-start-2 max-md:mt-1 max-md:h-2">
      <span className="absolute inset-x-0 top-1/2 h-px bg-hairline" />
      <span
        className={clsx(
          'absolute top-1/2 -translate-y-1/2',
          quick ? 'size-1.5 -translate-x-1/2 rounded-full' : 'h-2 min-w-0.5 rounded-[2px]',
          trouble ? 'bg-error' : item.kind === 'decision' && !quick ? 'bg-edge' : 'bg-ink',
        )}
        style={{ left: `${left * 100}%`, ...(quick ? {} : { width: `${width * 100}%` }) }}
      />
    </span>
  )
}
