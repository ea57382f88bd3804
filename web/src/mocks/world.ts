import type { Schemas } from '@/api/client'

import type { Execution, Plan, PlanLeg, PreviewRequest } from '@/features/trade/queries'

import { createIndices } from './market'
import { costOf, tacticOf } from './tactics'

export const CONNECTION: Schemas['ConnectionView'] = {
  id: '6f1f2a1e-2f3b-4f62-9a54-0a6b6b3b1c01',
  venue: 'bybit',
  environment: 'simulated',
  label: 'Practice account',
  key_hint: 'sim…4Q2a',
  state: 'active',
  state_reason: '',
  checks: [
    { check: 'works', level: 'ok', message: 'The key works and its clock agrees.', advice: '' },
    { check: 'permissions', level: 'ok', message: 'It can trade and cannot withdraw or transfer.', advice: '' },
    { check: 'mode', level: 'ok', message: 'Unified account, one-way mode.', advice: '' },
    {
      check: 'ip',
      level: 'warning',
      message: 'The key is not bound to an IP address.',
      advice: 'Bind it at Bybit; an unbound key ends after three months.',
    },
  ],
  venue_uid: '100001',
  key_expires_at: null,
  created_at: new Date(Date.now() - 86_400_000).toISOString(),
  checked_at: new Date(Date.now() - 60_000).toISOString(),
  reconciled_at: new Date(Date.now() - 20_000).toISOString(),
}

export const USER: Schemas['UserView'] = {
  id: 'a0e6c7d4-1d4e-4df1-8cf2-6b1a8d6f2f10',
  email: null,
  is_demo: true,
  created_at: new Date(Date.now() - 3_600_000).toISOString(),
}

/** The state behind the mocked API; `reset` between tests. */
export const world = {
  indices: createIndices(),
  connections: [CONNECTION],
  plans: new Map<string, Plan>(),
  executions: new Map<string, Execution>(),
  positions: new Map<string, Schemas['PositionDetail']>(),
  answersByKey: new Map<string, string>(),
  planLife: 30_000,
}

export function resetWorld(): void {
  world.indices = createIndices()
  world.connections = [CONNECTION]
  for (const map of [world.plans, world.executions, world.positions, world.answersByKey]) map.clear()
}

const dec = (value: number, digits: number) => String(Math.round(value * 10 ** digits) / 10 ** digits)

/** What most tests ask to be previewed. */
export const OPENING = {
  kind: 'open',
  connection_id: 'c',
  index_id: 'btc-d',
  direction: 'long',
  size: '1000',
  tactic: { kind: 'limit_ioc' },
} as const satisfies PreviewRequest

export function makePlan(request: PreviewRequest): Plan {
  const position = request.kind !== 'open' ? world.positions.get(request.position_id) : undefined
  const indexId = request.kind === 'open' ? request.index_id : (position?.index_id ?? 'btc-d')
  const index = world.indices.find((each) => each.id === indexId)
  if (!index) throw new Error(`no index ${indexId}`)
  const direction = request.kind === 'open' ? request.direction : (position?.direction ?? 'long')
  const size = Number(request.kind === 'open' ? request.size : position?.size)
  const sign = (direction === 'long' ? 1 : -1) * (request.kind === 'close' ? -1 : 1)
  const tactic = tacticOf(request.tactic)
  const legs = index.members.map((member, place): PlanLeg => {
    const held = request.kind === 'rebalance' ? (member.weight ?? 0) * sign * (place === 1 ? 0.7 : 1.09) : null
    const notional = ((member.weight ?? 0) * sign - (held ?? 0)) * size
    const price = member.price ?? 1
    const small = Math.abs(notional) < 5
    return {
      symbol: member.symbol,
      asset_id: member.asset_id,
      name: member.name,
      ticker: member.ticker,
      action: small ? 'skip' : 'trade',
      side: notional > 0 ? 'buy' : 'sell',
      weight: (member.weight ?? 0) * sign,
      target_notional: dec(notional, 2),
      quantity: small ? '0' : dec(Math.abs(notional) / price, price > 1000 ? 4 : price > 1 ? 2 : 0),
      expected_price: dec(price, 8),
      limit_price: dec(price * (notional > 0 ? 1.005 : 0.995), 8),
      notional: small ? '0' : dec(Math.abs(notional), 2),
      fee: small ? '0' : dec(Math.abs(notional) * 0.00055, 6),
      slippage: small ? '0' : dec(Math.abs(notional) * 0.0001, 6),
      residual_notional: small ? dec(notional, 2) : '0.12',
      note: small ? 'Below the 5 USDT minimum of the venue' : '',
      slices: tactic.kind === 'twap' && Math.abs(notional) > 40 ? tactic.slices : 1,
      held_weight: held,
      reduces: false,
    }
  })
  const gross = legs.reduce((sum, leg) => sum + Number(leg.notional), 0)
  const plan: Plan = {
    id: crypto.randomUUID(),
    kind: request.kind,
    digest: `sha256:${crypto.randomUUID()}`,
    connection_id: CONNECTION.id,
    position_id: request.kind === 'open' ? null : request.position_id,
    index_id: index.id,
    index_name: index.symbol,
    index_version: index.version,
    direction,
    size: String(size),
    level: index.level ?? 0,
    legs,
    totals: {
      gross: dec(gross, 2),
      net: '0.42',
      margin_needed: dec(gross, 2),
      available: '10000',
      available_as_of: new Date().toISOString(),
      fees: dec(gross * 0.00055, 4),
      slippage: dec(gross * 0.0001, 4),
      left_out: dec(legs.filter((leg) => leg.action === 'skip').length * 3.1, 2),
      tracking_error: 0.0042,
      tracking_error_before: request.kind === 'rebalance' ? 0.0871 : null,
      expected_cost: dec(gross * costOf(tactic), 4),
    },
    tactic,
    allowance: 0.005,
    warnings: [],
    executable: true,
    blocked_reason: '',
    created_at: new Date().toISOString(),
    expires_at: new Date(Date.now() + world.planLife).toISOString(),
  }
  world.plans.set(plan.id, plan)
  return plan
}

export function startExecution(plan: Plan): Execution {
  const execution: Execution = {
    id: crypto.randomUUID(),
    plan_id: plan.id,
    position_id: plan.position_id ?? crypto.randomUUID(),
    connection_id: plan.connection_id,
    kind: plan.kind,
    index_id: plan.index_id,
    index_name: plan.index_name,
    direction: plan.direction,
    size: plan.size,
    tactic: plan.tactic,
    until: plan.tactic.seconds > 0 ? new Date(Date.now() + plan.tactic.seconds * 1000).toISOString() : null,
    state: 'running',
    reason: '',
    progress: 0,
    legs: plan.legs.map((leg) => ({
      symbol: leg.symbol,
      name: leg.name,
      ticker: leg.ticker,
      side: leg.side,
      state: leg.action === 'trade' ? 'working' : 'skipped',
      quantity: leg.quantity,
      filled_quantity: '0',
      expected_price: leg.expected_price,
      average_price: null,
      fee: '0',
      orders: 1,
      slices: leg.slices,
      resting_price: plan.tactic.kind === 'passive' ? leg.expected_price : null,
      next_at: leg.slices > 1 ? new Date(Date.now() + 28_000).toISOString() : null,
      note: leg.note,
    })),
    filled_notional: '0',
    planned_notional: plan.totals.gross,
    fees: '0',
    planned_fees: plan.totals.fees,
    slippage: '0',
    created_at: new Date().toISOString(),
    started_at: new Date().toISOString(),
    finished_at: null,
  }
  world.executions.set(execution.id, execution)
  return execution
}

/** Fills the next leg; finishes when none is left. */
export function advance(id: string): Execution | undefined {
  const execution = world.executions.get(id)
  const plan = execution && world.plans.get(execution.plan_id)
  if (!execution || !plan || execution.finished_at) return execution
  const next = execution.legs.findIndex((leg) => leg.state === 'working')
  const legs = execution.legs.map((leg, position) =>
    position === next
      ? {
          ...leg,
          state: 'filled' as const,
          filled_quantity: leg.quantity,
          resting_price: null,
          next_at: null,
          average_price: leg.expected_price,
          fee: plan.legs[position]?.fee ?? '0',
        }
      : leg,
  )
  const over = legs.every((leg) => leg.state !== 'working')
  const updated: Execution = {
    ...execution,
    legs,
    progress: legs.filter((leg) => leg.state !== 'working').length / legs.length,
    ...(over
      ? {
          state: 'complete',
          filled_notional: plan.totals.gross,
          fees: plan.totals.fees,
          slippage: plan.totals.slippage,
          finished_at: new Date().toISOString(),
        }
      : {}),
  }
  world.executions.set(id, updated)
  return updated
}
