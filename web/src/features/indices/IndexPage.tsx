import { Link, useParams } from '@tanstack/react-router'

import { Ticket } from '@/features/trade/Ticket'
import { money } from '@/lib/numbers'
import { Page, Section } from '@/ui/Layout'
import { Delta, Money } from '@/ui/Money'
import { Notice, ProblemNotice, Skeleton } from '@/ui/States'

import { CoinGecko } from './Attribution'
import { ChartPanel } from './ChartPanel'
import { Level } from './Level'
import { Excluded, Members } from './Members'
import type { IndexDetail } from './queries'
import { useIndex } from './queries'

export default function IndexPage() {
  const { indexId } = useParams({ from: '/indices/$indexId' })
  const { data: index, error, refetch } = useIndex(indexId)
  return (
    <Page title={index?.symbol ?? 'Index'} hideTitle above={<Link to="/indices">← All indices</Link>}>
      {error && !index && <ProblemNotice error={error} retry={() => void refetch()} />}
      {!index && !error && <Loading />}
      {index && <Detail index={index} />}
    </Page>
  )
}

function Loading() {
  return (
    <div role="status" aria-label="Loading index">
      <Skeleton className="h-8 w-48" />
      <Skeleton className="mt-3 h-14 w-72" />
      <Skeleton className="mt-8 h-[380px]" />
    </div>
  )
}

function Detail({ index }: { index: IndexDetail }) {
  return (
    <>
      <div className="lg:grid lg:grid-cols-[minmax(0,1fr)_320px] lg:gap-x-16">
        <div className="min-w-0">
          <Headline index={index} />
          {index.stale_reason && (
            <Notice kind="warning" className="mb-6">
              {index.stale_reason} Trading waits until every input is fresh again.
            </Notice>
          )}
          <ChartPanel index={index} />
        </div>
        <aside aria-label="Trade" className="max-lg:mt-10">
          <Ticket index={index} />
        </aside>
      </div>
      <div className="gap-x-16 lg:grid lg:grid-cols-[minmax(0,1fr)_320px]">
        <Section title="How it works">
          <div className="max-w-[64ch] space-y-3">
            {index.methodology.map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
            {index.gross_per_unit !== null && (
              <p className="text-muted">
                Today, 100 USDT of {index.symbol} takes {money(index.gross_per_unit * 100)} USDT of orders, long and
                short together. Methodology version {index.version}.
              </p>
            )}
          </div>
        </Section>
        {index.minimum && (
          <Section title="Minimum size">
            <p>
              From <Money value={index.minimum.size} unit="USDT" /> the position follows the index closely; from{' '}
              <Money value={index.minimum.full_size} unit="USDT" /> no coin is left out.
            </p>
            <p className="mt-3 text-muted">{index.minimum.reason}</p>
          </Section>
        )}
      </div>
      <Section title="Members" note={`${index.member_count} coins, by live price and the latest supply.`}>
        <Members index={index} />
        <div className="mt-6">
          <Excluded index={index} />
        </div>
        <div className="mt-6">
          <CoinGecko text={index.attribution} />
        </div>
      </Section>
    </>
  )
}

function Headline({ index }: { index: IndexDetail }) {
  return (
    <div className="mb-8">
      <p className="text-lg">
        <span className="font-semibold">{index.symbol}</span> <span className="text-muted">{index.name}</span>
      </p>
      <p className="mt-1 flex flex-wrap items-baseline gap-x-4">
        <Level index={index} className="text-3xl font-semibold md:text-4xl" />
        <span className="text-lg">
          <Delta value={index.change_24h} /> <span className="text-sm text-muted">24 h</span>
        </span>
      </p>
    </div>
  )
}
