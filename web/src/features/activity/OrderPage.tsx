import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'

import type { Schemas } from '@/api/client'
import { SideWord } from '@/features/trade/PlanLegs'
import { absolute, exactClock } from '@/lib/times'
import { Details, nameWords } from '@/ui/Details'
import { Facts, Page, Section } from '@/ui/Layout'
import { NoValue, Price, Quantity } from '@/ui/Money'
import { Notice, ProblemNotice, SkeletonRows } from '@/ui/States'
import { Time } from '@/ui/Time'

import { orderQuery } from './queries'
import { OrderBadge } from './Tables'
import { ORDER_WORDS, ROLE_WORDS, STYLE_WORDS, UNKNOWN_TEXT } from './words'

type OrderDetail = Schemas['OrderDetail']
type OrderEvent = OrderDetail['events'][number]

/** One order and everything that was heard of it, in order. */
export default function OrderPage() {
  const { orderId } = useParams({ from: '/mine/activity/orders/$orderId' })
  const { data: order, error, refetch } = useQuery(orderQuery(orderId))
  const back = <Link to="/activity">← All activity</Link>
  if (!order) {
    return (
      <Page title="Order" above={back}>
        {error ? <ProblemNotice error={error} retry={() => void refetch()} /> : <SkeletonRows label="Loading order" />}
      </Page>
    )
  }
  return (
    <Page title={`Order ${order.symbol}`} above={back} actions={<OrderBadge state={order.state} />}>
      {order.state === 'unknown' && (
        <Notice kind="warning" className="mb-8">
          {UNKNOWN_TEXT}
        </Notice>
      )}
      {order.reject_reason && (
        <Notice kind="warning" className="mb-8">
          {order.reject_reason}
        </Notice>
      )}
      <OrderFacts order={order} />
      <Section title="Timeline">
        <TimeLine events={order.events} />
      </Section>
      <p className="mt-8 text-xs text-muted">
        Our id <code className="font-mono break-all select-all">{order.client_id}</code>
        {order.venue_order_id && (
          <>
            , the venue’s <code className="font-mono break-all select-all">{order.venue_order_id}</code>
          </>
        )}
      </p>
    </Page>
  )
}

function OrderFacts({ order }: { order: OrderDetail }) {
  return (
    <>
      <Facts
        items={[
          { label: 'Side', value: <SideWord side={order.side} /> },
          {
            label: 'Filled',
            value: <Quantity value={order.filled_quantity} />,
            hint: (
              <>
                of <Quantity value={order.quantity} />
              </>
            ),
          },
          { label: 'Limit price', value: <Price value={order.limit_price} /> },
          {
            label: 'Average price',
            value: order.average_price === null ? <NoValue /> : <Price value={order.average_price} />,
          },
          {
            label: 'For',
            value: `${ROLE_WORDS[order.role]} ${order.index_name}`,
            hint: order.reduce_only ? 'can only reduce' : undefined,
          },
          { label: 'Style', value: STYLE_WORDS[order.style].short },
        ]}
      />
      <p className="mt-3 text-sm text-muted">
        {STYLE_WORDS[order.style].text}
        {order.due_at && order.state === 'planned' && (
          <>
            {' '}
            To be sent <Time iso={order.due_at} />.
          </>
        )}
      </p>
      <p className="mt-6 text-sm">
        <Link
          to="/positions/$positionId"
          params={{ positionId: order.position_id }}
          className="underline underline-offset-4"
        >
          Its position
        </Link>
        {' · '}
        <Link
          to="/executions/$executionId"
          params={{ executionId: order.execution_id }}
          className="underline underline-offset-4"
        >
          Its execution
        </Link>
        {' · '}
        <Link
          to="/executions/$executionId/trace"
          params={{ executionId: order.execution_id }}
          search={{ symbol: order.symbol }}
          className="underline underline-offset-4"
        >
          Requests and answers about {order.symbol}
        </Link>
      </p>
    </>
  )
}

function TimeLine({ events }: { events: OrderEvent[] }) {
  if (events.length === 0) return <p className="text-muted">Nothing has happened to this order yet.</p>
  return (
    <ol aria-label="Timeline" className="border-l border-hairline pl-6">
      {events.map((event, position) => (
        <li key={position} className="relative pb-6 last:pb-0">
          <span aria-hidden className="absolute top-2 -left-[29px] size-[9px] rounded-full bg-ink" />
          <p className="flex flex-wrap gap-x-3">
            <time dateTime={event.at} title={absolute(event.at)} className="tnum text-muted">
              {exactClock(event.at)}
            </time>
            <span className="font-medium">{nameWords(event.event)}</span>
            <span className="text-muted">
              {stateWords(event.from_state)} → {stateWords(event.to_state)}
            </span>
          </p>
          <Details detail={withoutFence(event.detail)} />
        </li>
      ))}
    </ol>
  )
}

/** Which worker held the order tells nobody anything here. */
const withoutFence = (detail: OrderEvent['detail']) =>
  Object.fromEntries(Object.entries(detail).filter(([name]) => name !== 'fence'))

function stateWords(state: string): string {
  return state in ORDER_WORDS ? ORDER_WORDS[state as keyof typeof ORDER_WORDS] : nameWords(state)
}
