import { Link } from '@tanstack/react-router'
import { CircleAlert, CircleCheck, Undo2 } from 'lucide-react'
import type { ReactNode } from 'react'

import { absolute } from '@/lib/times'
import { Button } from '@/ui/Button'
import { DownloadButton } from '@/ui/DownloadButton'
import { Facts, Section } from '@/ui/Layout'
import { Money, NoValue, Price, Quantity } from '@/ui/Money'
import { Table } from '@/ui/Table'
import { ServerWords } from '@/ui/ServerWords'

import { SideWord } from './PlanLegs'
import type { Execution } from './queries'
import { legsInOrder } from './queries'
import { endingTitle, LEG_WORDS } from './words'

type Leg = Execution['legs'][number]

function EndingIcon({ state }: { state: Execution['state'] }) {
  if (state === 'needs_attention')
    return <CircleAlert aria-hidden className="size-8 shrink-0 text-error" strokeWidth={1.5} />
  if (state === 'unwound') return <Undo2 aria-hidden className="size-8 shrink-0" strokeWidth={1.5} />
  return <CircleCheck aria-hidden className="size-8 shrink-0" strokeWidth={1.5} />
}

/** How it ended: fills against plan, fees, what was left over, and the names to ask about it by. */
export function Receipt({ execution }: { execution: Execution }) {
  return (
    <div>
      <div role="status" className="flex items-center gap-3">
        <EndingIcon state={execution.state} />
        <p className="text-2xl font-semibold md:text-3xl">{endingTitle(execution)}</p>
      </div>
      {execution.reason && (
        <p className="mt-3 max-w-[64ch] text-muted">
          <ServerWords>{execution.reason}</ServerWords>
        </p>
      )}
      <Facts
        className="my-8"
        items={[
          {
            label: 'Filled',
            value: <Money value={execution.filled_notional} unit="USDT" />,
            hint: (
              <>
                planned <Money value={execution.planned_notional} />
              </>
            ),
          },
          {
            label: 'Fees',
            value: <Money value={execution.fees} digits={4} />,
            hint: (
              <>
                planned <Money value={execution.planned_fees} digits={4} />
              </>
            ),
          },
          {
            label: 'Slippage',
            value: <Money value={execution.slippage} digits={4} />,
            hint: 'against expected prices',
          },
        ]}
      />
      <div className="no-print mb-4 flex flex-wrap gap-3">
        <Button kind="primary" asChild>
          <Link to="/positions/$positionId" params={{ positionId: execution.position_id }}>
            View position
          </Link>
        </Button>
        <DownloadButton path={`/api/orders.csv?position=${execution.position_id}`} name="orders.csv">
          Export orders
        </DownloadButton>
      </div>
      <Section title="Fills against plan">
        <ReceiptLegs legs={legsInOrder(execution)} />
      </Section>
      <p className="mt-8 text-xs text-muted">
        Execution <code className="font-mono break-all select-all">{execution.id}</code> of plan{' '}
        <code className="font-mono break-all select-all">{execution.plan_id}</code>
        {execution.finished_at && <>, finished {absolute(execution.finished_at)}</>}
      </p>
    </div>
  )
}

/** A leg that was left out has no order to tell of. */
function placed(leg: Leg, cell: ReactNode): ReactNode {
  return leg.state === 'skipped' ? <NoValue /> : cell
}

function ReceiptLegs({ legs }: { legs: Leg[] }) {
  return (
    <Table<Leg>
      label="Fills against plan"
      rows={legs}
      rowKey={(leg) => `${leg.symbol} ${leg.state === 'by_hand'}`}
      columns={[
        { head: 'Coin', name: true, cell: (leg) => <span className="font-medium">{leg.ticker}</span> },
        { head: 'Side', cell: (leg) => placed(leg, <SideWord side={leg.side} />) },
        {
          head: 'Outcome',
          cell: (leg) => (
            <>
              {LEG_WORDS[leg.state]}
              {leg.note && <span className="block text-xs text-muted">{leg.note}</span>}
            </>
          ),
        },
        { head: 'Planned', right: true, wideOnly: true, cell: (leg) => placed(leg, <Quantity value={leg.quantity} />) },
        { head: 'Filled', right: true, cell: (leg) => placed(leg, <Quantity value={leg.filled_quantity} />) },
        {
          head: 'Expected price',
          right: true,
          wideOnly: true,
          cell: (leg) => placed(leg, <Price value={leg.expected_price} />),
        },
        {
          head: 'Price',
          right: true,
          cell: (leg) => <Price value={leg.average_price} />,
        },
        { head: 'Fee', right: true, wideOnly: true, cell: (leg) => placed(leg, <Money value={leg.fee} digits={4} />) },
      ]}
    />
  )
}
