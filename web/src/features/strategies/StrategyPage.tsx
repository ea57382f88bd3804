import { Link, useParams } from '@tanstack/react-router'
import clsx from 'clsx'

import { EquitySection } from '@/features/backtests/EquitySection'
import { useSeriesNames } from '@/features/journal/useSeriesNames'
import type { Fact } from '@/ui/Layout'
import { Facts, Page } from '@/ui/Layout'
import { Delta, Money, Price } from '@/ui/Money'
import { Notice, ProblemNotice, Skeleton, SkeletonRows } from '@/ui/States'
import { Time } from '@/ui/Time'
import { ServerWords } from '@/ui/ServerWords'

import { Events } from './Events'
import { Fills } from './Fills'
import { equityQuery, useStrategy } from './queries'
import { StrategyActions } from './StrategyActions'
import { StrategyBadges, useIsOld } from './StrategyRow'
import { StrategySettings } from './StrategySettings'
import type { Strategy } from './types'
import { faultWords, holdingWords, isOver, targetWords } from './words'

export default function StrategyPage() {
  const { strategyId } = useParams({ from: '/mine/strategies/$strategyId' })
  const { data: strategy, error, refetch } = useStrategy(strategyId)
  useSeriesNames()
  const back = <Link to="/strategies">← All strategies</Link>
  if (!strategy) {
    return (
      <Page title="Strategy" above={back}>
        {error ? (
          <ProblemNotice error={error} retry={() => void refetch()} />
        ) : (
          <>
            <Skeleton className="mb-8 h-14 w-72" />
            <SkeletonRows rows={8} label="Loading strategy" />
          </>
        )}
      </Page>
    )
  }
  return (
    <Page title={strategy.name} above={back} actions={<StrategyActions strategy={strategy} />}>
      {error && <ProblemNotice error={error} retry={() => void refetch()} className="mb-8" />}
      <State strategy={strategy} />
      <Summary strategy={strategy} />
      <EquitySection
        query={equityQuery(strategy.id, strategy.last_bar)}
        name={strategy.name}
        quote={strategy.quote}
        note="Valued at the close of every bar."
      />
      <Events strategy={strategy} />
      <Fills strategy={strategy} />
      <StrategySettings strategy={strategy} />
    </Page>
  )
}

/** On paper, in so many words; and what is wrong, if anything is. */
function State({ strategy }: { strategy: Strategy }) {
  return (
    <div className="mb-8 space-y-4">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <StrategyBadges strategy={strategy} />
        <span className="text-muted">On paper: its trades are booked here only. No order goes to an exchange.</span>
      </p>
      {strategy.error && (
        <div role="alert" className="border-l-2 border-error py-1 pl-4">
          <p className="font-medium">
            {strategy.state === 'failed'
              ? 'It failed and decides nothing until it is resumed.'
              : 'The script gave nothing on the last bar. After three such bars it fails.'}
          </p>
          <p className="break-words whitespace-pre-wrap">{faultWords(strategy.error)}</p>
        </div>
      )}
      {strategy.repainted && (
        <div role="alert" className="border-l-2 border-error py-1 pl-4">
          <p className="font-medium">The script repaints.</p>
          <p>Computed again later, old bars give other values than it traded on. A back-test of it shows too much.</p>
        </div>
      )}
      {strategy.closing && (
        <Notice>It is stopped. What it holds is closed at the open of the next minute, on paper.</Notice>
      )}
      {strategy.waiting && !isOver(strategy) && (
        <Notice kind="warning">
          <ServerWords>{strategy.waiting}</ServerWords>
        </Notice>
      )}
    </div>
  )
}

function Summary({ strategy }: { strategy: Strategy }) {
  const old = useIsOld(strategy)
  return (
    <>
      <p className="text-sm text-muted">Profit and loss on paper, after fees and slippage</p>
      <p className={clsx('mb-8 flex flex-wrap items-baseline gap-x-4', old && 'stale')}>
        <Delta
          value={strategy.pnl}
          as="money"
          unit={strategy.quote}
          big
          className="text-3xl font-semibold md:text-4xl"
        />
        <Delta value={strategy.pnl_share} className="text-lg" />
        {old && <span className="text-sm text-muted">may be old</span>}
      </p>
      <Facts columns items={facts(strategy)} className={clsx(old && 'stale')} />
    </>
  )
}

function facts(strategy: Strategy): Fact[] {
  const { price, price_at: at, entry, next_due: due } = strategy
  return [
    {
      label: 'Position',
      value: holdingWords(strategy),
      hint: entry ? (
        <>
          entered at <Price value={entry} />
        </>
      ) : undefined,
    },
    {
      label: 'Price',
      value: <Price value={price} />,
      hint: at ? <Time iso={at} /> : undefined,
    },
    { label: 'Account', value: <Money value={strategy.equity} />, hint: <Money value={strategy.cash} unit="cash" /> },
    { label: 'Fees', value: <Money value={strategy.fees} /> },
    { label: 'Script says', value: targetWords(strategy.target), hint: signalHint(strategy.signal) },
    { label: 'Last bar', value: <Time iso={strategy.last_bar} />, hint: `of ${strategy.timeframe}` },
    ...(strategy.state !== 'paper'
      ? []
      : [{ label: 'Next bar', value: <Time iso={due} />, hint: 'then it decides again' }]),
    { label: 'Started', value: <Time iso={strategy.started_at} /> },
  ]
}

function signalHint(signal: number | null): string | undefined {
  if (signal === null || signal === 0) return undefined
  return signal > 0 ? 'signal: buy' : 'signal: sell'
}
