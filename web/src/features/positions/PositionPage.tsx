import { Link, useParams } from '@tanstack/react-router'
import clsx from 'clsx'

import { useIsLive } from '@/api/live'
import { IncidentMarks, IncidentsUnknown } from '@/features/incidents/IncidentMarks'
import { useIndices } from '@/features/indices/queries'
import { PositionLimits } from '@/features/limits/PositionLimits'
import { capital } from '@/features/trade/words'
import { forGeometry, heaviestFirst, level as levelText, percent } from '@/lib/numbers'
import type { Fact } from '@/ui/Layout'
import { Facts, Page, Section } from '@/ui/Layout'
import { Delta, Money, NoValue, Price } from '@/ui/Money'
import { Notice, ProblemNotice, Skeleton, SkeletonRows } from '@/ui/States'
import { Time } from '@/ui/Time'

import { ExposureBars } from './ExposureBars'
import { Legs } from './Legs'
import { PositionActions } from './PositionActions'
import type { PositionDetail } from './queries'
import { isOver, usePosition } from './queries'

export default function PositionPage() {
  const { positionId } = useParams({ from: '/mine/positions/$positionId' })
  const { data: position, error, refetch } = usePosition(positionId)
  const back = <Link to="/positions">← All positions</Link>
  if (!position) {
    return (
      <Page title="Position" above={back}>
        {error ? (
          <ProblemNotice error={error} retry={() => void refetch()} />
        ) : (
          <>
            <Skeleton className="mb-8 h-14 w-72" />
            <SkeletonRows rows={8} label="Loading position" />
          </>
        )}
      </Page>
    )
  }
  return (
    <Page
      title={`${capital(position.direction)} ${position.index_name}`}
      above={back}
      actions={<PositionActions position={position} />}
    >
      <Body position={position} />
    </Page>
  )
}

function Body({ position }: { position: PositionDetail }) {
  const old = (!useIsLive() || position.stale) && !isOver(position)
  return (
    <>
      <p className="text-sm text-muted">Profit and loss, after fees and funding</p>
      <p className={clsx('mb-8 flex flex-wrap items-baseline gap-x-4', old && 'stale')}>
        <Delta value={position.pnl} as="money" unit="USDT" big className="text-3xl font-semibold md:text-4xl" />
        <Delta value={position.pnl_percent} className="text-lg" />
        {old && <span className="text-sm text-muted">may be old</span>}
      </p>
      <IncidentsUnknown className="mb-8" />
      <IncidentMarks of={(incident) => incident.position_id === position.id} className="mb-8" />
      {position.notices.length > 0 && (
        <Notice kind="warning" className="mb-8">
          {position.notices.map((notice) => (
            <p key={notice}>{notice}</p>
          ))}
        </Notice>
      )}
      <Summary position={position} />
      {position.execution_id && (
        <p className="mt-6 text-sm">
          <Link
            to="/executions/$executionId"
            params={{ executionId: position.execution_id }}
            className="underline underline-offset-4"
          >
            {isOver(position) ? 'Receipt' : 'Latest execution'}
          </Link>
          {' · '}
          <Link
            to="/executions/$executionId/trace"
            params={{ executionId: position.execution_id }}
            search={{}}
            className="underline underline-offset-4"
          >
            Its timeline
          </Link>
          {' · '}
          <Link to="/activity" search={{ position: position.id }} className="underline underline-offset-4">
            Orders of this position
          </Link>
          {' · '}
          <Link
            to="/journal"
            search={{ new: '1', position: position.id, series: `index:${position.index_id}` }}
            className="underline underline-offset-4"
          >
            Write a note
          </Link>
        </p>
      )}
      {!isOver(position) && (
        <Section title="Exposure per leg" note="In USDT at live prices.">
          <ExposureBars legs={legsOf(position)} />
        </Section>
      )}
      <Section title="Legs">
        <Legs position={position} legs={legsOf(position)} />
      </Section>
      {!isOver(position) && <PositionLimits positionId={position.id} />}
    </>
  )
}

/** Largest exposure first; of a closed position, largest result first. */
const legsOf = (position: PositionDetail) =>
  heaviestFirst(position.legs, (leg) => forGeometry(isOver(position) ? leg.pnl : leg.notional))

function Summary({ position }: { position: PositionDetail }) {
  const unit = useIndices().data?.find((index) => index.id === position.index_id)?.unit
  const show = (value: number | null) =>
    value === null ? <NoValue /> : unit ? levelText(value, unit) : <Price value={value} />
  const held: Fact[] = [
    { label: 'Gross', value: <Money value={position.gross} />, hint: 'long and short together' },
    { label: 'Net', value: <Money value={position.net} />, hint: 'long less short' },
    {
      label: 'Drift from target',
      value: position.drift === null ? <NoValue /> : percent(position.drift),
      hint: (
        <>
          opened <Time iso={position.opened_at ?? position.created_at} />
        </>
      ),
    },
  ]
  const ended: Fact[] = [
    { label: 'Opened', value: <Time iso={position.opened_at ?? position.created_at} /> },
    { label: 'Closed', value: <Time iso={position.closed_at} /> },
  ]
  return (
    <Facts
      columns
      items={[
        { label: 'Size', value: <Money value={position.size} unit="USDT" />, hint: position.connection_label },
        { label: 'Level', value: show(position.level), hint: <>from {show(position.entry_level)}</> },
        { label: 'From prices', value: <Delta value={position.price_pnl} as="money" /> },
        { label: 'Fees', value: <Money value={position.fees} digits={4} /> },
        { label: 'Funding', value: <Delta value={position.funding} as="money" digits={4} /> },
        ...(isOver(position) ? ended : held),
      ]}
    />
  )
}
