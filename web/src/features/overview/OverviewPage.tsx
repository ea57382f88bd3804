import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import clsx from 'clsx'

import { useIsLive } from '@/api/live'
import { useConnections } from '@/features/connections/queries'
import { IndexRow } from '@/features/indices/IndexRow'
import { useIndices } from '@/features/indices/queries'
import { PositionRow } from '@/features/positions/PositionRow'
import { useOpenPositions } from '@/features/positions/queries'
import { Button } from '@/ui/Button'
import { Facts, Page, Section } from '@/ui/Layout'
import { Delta, Money } from '@/ui/Money'
import { EmptyState, MayBeOld, Notice, ProblemNotice, Skeleton, SkeletonRows } from '@/ui/States'
import { Time } from '@/ui/Time'

import { overviewQuery } from './queries'

/** Everything in one number and its parts. */
export default function OverviewPage() {
  const { data, error, refetch } = useQuery(overviewQuery)
  const live = useIsLive()
  const isAlone = useConnections().data?.length === 0
  return (
    <Page title="Overview">
      {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton className="h-40" label="Loading your account" />}
      {data && (
        <>
          <p className="text-sm text-muted">Account value</p>
          <p className={clsx('text-3xl font-semibold md:text-4xl', !live && 'stale')}>
            <Money value={data.equity} unit="USDT" big />
            {!live && <MayBeOld />}
          </p>
          <p className="mt-1 text-sm text-muted">
            {data.as_of ? (
              <>
                as of <Time iso={data.as_of} />
              </>
            ) : isAlone ? (
              'No exchange account is connected.'
            ) : (
              'The account has not been read yet.'
            )}
          </p>
          {data.notices.map((notice) => (
            <Notice key={notice} kind="warning" className="mt-6">
              {notice}
            </Notice>
          ))}
          <Facts
            className="mt-8"
            items={[
              {
                label: 'Open profit and loss',
                value: <Delta value={data.open_pnl} as="money" />,
                hint: 'from prices alone',
              },
              { label: 'Realised', value: <Delta value={data.realised_pnl} as="money" /> },
              { label: 'Fees', value: <Money value={data.fees} /> },
              { label: 'Funding', value: <Delta value={data.funding} as="money" /> },
              { label: 'Available', value: <Money value={data.available} /> },
            ]}
          />
        </>
      )}
      <OpenPositions />
      <Markets />
    </Page>
  )
}

function OpenPositions() {
  const positions = useOpenPositions()
  const connections = useConnections()
  return (
    <Section title="Positions">
      {positions.error && !positions.data && (
        <ProblemNotice error={positions.error} retry={() => void positions.refetch()} />
      )}
      {positions.isPending && !positions.data && <SkeletonRows rows={2} label="Loading positions" />}
      {positions.data && positions.data.length > 0 && (
        <ul aria-label="Open positions" className="border-t border-hairline">
          {positions.data.map((position) => (
            <PositionRow key={position.id} position={position} />
          ))}
        </ul>
      )}
      {positions.data?.length === 0 && (
        <EmptyState
          title="No open positions"
          text={
            connections.data?.length === 0
              ? 'Connect your exchange account, then put your first index on.'
              : 'Put your first index on: Bitcoin dominance is a good one to start with.'
          }
          action={
            <Button kind="primary" asChild>
              {connections.data?.length === 0 ? (
                <Link to="/connections/new">Connect Bybit</Link>
              ) : (
                <Link to="/indices/$indexId" params={{ indexId: 'btc-d' }}>
                  Trade BTC.D
                </Link>
              )}
            </Button>
          }
        />
      )}
    </Section>
  )
}

function Markets() {
  const { data, error, refetch } = useIndices()
  return (
    <Section title="Indices">
      {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows label="Loading indices" />}
      {data && (
        <ul aria-label="Indices" className="border-t border-hairline">
          {data.map((index) => (
            <IndexRow key={index.id} index={index} />
          ))}
        </ul>
      )}
    </Section>
  )
}
