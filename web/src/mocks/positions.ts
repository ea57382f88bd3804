import type { Schemas } from '@/api/client'

import type { Order } from '@/features/activity/queries'
import type { Execution } from '@/features/trade/queries'

import { CONNECTION, world } from './world'

/** The position a finished execution leaves behind. */
export function bookPosition(execution: Execution): void {
  const known = world.positions.get(execution.position_id)
  if (execution.kind === 'close' && known) {
    world.positions.set(known.id, {
      ...known,
      state: 'closed',
      closed_at: new Date().toISOString(),
      gross: '0',
      net: '0',
    })
    return
  }
  if (known) return
  const plan = world.plans.get(execution.plan_id)
  if (!plan) return
  world.positions.set(execution.position_id, {
    id: execution.position_id,
    connection_id: CONNECTION.id,
    connection_label: CONNECTION.label,
    index_id: plan.index_id,
    index_name: plan.index_name,
    direction: plan.direction,
    size: plan.size,
    state: 'active',
    entry_level: plan.level,
    level: plan.level * 1.0011,
    gross: plan.totals.gross,
    net: plan.totals.net,
    pnl: '1.83',
    pnl_percent: 0.00183,
    price_pnl: '2.2895',
    fees: plan.totals.fees,
    funding: '0',
    drift: 0.0031,
    altered: false,
    stale: false,
    execution_id: execution.id,
    opened_at: new Date().toISOString(),
    closed_at: null,
    created_at: execution.created_at,
    notices: [],
    legs: plan.legs
      .filter((leg) => leg.action === 'trade')
      .map((leg, position) => ({
        symbol: leg.symbol,
        asset_id: leg.asset_id,
        name: leg.name,
        ticker: leg.ticker,
        quantity: leg.side === 'buy' ? leg.quantity : `-${leg.quantity}`,
        entry_price: leg.expected_price,
        mark_price: leg.expected_price,
        notional: leg.side === 'buy' ? leg.notional : `-${leg.notional}`,
        target_weight: leg.weight,
        weight: leg.weight * 1.002,
        pnl: position % 3 === 0 ? '-0.41' : '0.37',
        fees: leg.fee,
        funding: '0',
        altered: '0',
        halted_reason: '',
      })),
  })
}

/** Moves the P&L a little, so that a page can be seen to live. */
export function nudgePositions(): Schemas['PositionDetail'][] {
  for (const [id, position] of world.positions) {
    if (position.state !== 'active') continue
    const cents = Math.round(Number(position.pnl) * 100 + (Math.random() - 0.48) * 40)
    world.positions.set(id, { ...position, pnl: String(cents / 100), pnl_percent: cents / 100 / Number(position.size) })
  }
  return [...world.positions.values()]
}

/** Twelve digits of a name's first six letters. */
const hex = (name: string) =>
  [...name.slice(0, 6).padEnd(6)].map((letter) => letter.charCodeAt(0).toString(16)).join('')

/** Orders, fills and payments as the executions imply them. */
export function ordersOf(): Order[] {
  return [...world.executions.values()].flatMap((execution) =>
    execution.legs
      .filter((leg) => leg.state !== 'skipped')
      .map((leg) => ({
        id: `${execution.id.slice(0, 24)}${hex(leg.symbol)}`,
        execution_id: execution.id,
        position_id: execution.position_id,
        index_name: execution.index_name,
        role: execution.kind,
        client_id: `hf-${execution.id.slice(0, 8)}-${leg.symbol}`,
        venue_order_id: '1523347543495541248',
        symbol: leg.symbol,
        side: leg.side,
        quantity: leg.quantity,
        limit_price: leg.expected_price,
        reduce_only: execution.kind === 'close',
        style: 'ioc' as const,
        due_at: null,
        state: leg.state === 'filled' ? ('filled' as const) : ('sent' as const),
        filled_quantity: leg.filled_quantity,
        average_price: leg.average_price,
        reject_reason: '',
        created_at: execution.created_at,
        sent_at: execution.created_at,
        acknowledged_at: execution.created_at,
        finished_at: execution.finished_at,
      })),
  )
}
