import { act, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { describe, expect, it, vi } from 'vitest'

import { queryClient } from '@/api/queries'
import { problem } from '@/mocks/answers'
import { makePlan, OPENING, startExecution, world } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { sizeProblem } from './Ticket'

mockedServer()
vi.mock('@/features/indices/LevelChart', () => ({ default: () => null, toSeries: () => [] }))

const place = () => screen.findByRole('button', { name: /^Place 11 orders on Bybit · PAPER$/ })

describe('amount', () => {
  it('says what is wrong before anything is sent', () => {
    expect(sizeProblem('', '310')).toMatch(/Enter a size/)
    expect(sizeProblem('-1', '310')).toMatch(/above zero/)
    expect(sizeProblem('1.234', '310')).toMatch(/two decimals/)
    expect(sizeProblem('309.99', '310')).toMatch(/at least 310.00 USDT/)
    expect(sizeProblem('310', '310')).toBeUndefined()
  })

  it('leads to a preview of exactly what was typed', async () => {
    const user = userEvent.setup()
    const bodies: unknown[] = []
    server.use(
      http.post('/api/previews', async ({ request: sent }) => {
        bodies.push(await sent.json())
        return HttpResponse.json(makePlan(OPENING), { status: 201 })
      }),
    )
    const router = renderAt('/indices/btc-d')
    await user.type(await screen.findByRole('textbox', { name: 'Size' }), '1,000')
    await user.click(screen.getByRole('radio', { name: 'Short' }))
    await user.click(screen.getByRole('button', { name: 'Preview orders' }))
    await screen.findByRole('table', { name: 'Orders of this plan' })
    expect(router.state.location.pathname).toMatch(/^\/plans\//)
    expect(bodies).toEqual([{ ...OPENING, connection_id: world.connections[0]?.id, direction: 'short' }])
  })
})

describe('preview', () => {
  it('shows a line for every leg and the totals', async () => {
    const plan = makePlan(OPENING)
    renderAt(`/plans/${plan.id}`)
    const table = await screen.findByRole('table', { name: 'Orders of this plan' })
    expect(within(table).getAllByRole('row')).toHaveLength(1 + plan.legs.length)
    expect(screen.getByText('of', { exact: false, selector: 'dd' })).toBeTruthy()
    expect(screen.getByRole('link', { name: 'Continue with 11 orders' })).toBeTruthy()
  })

  it('cannot be confirmed when the plan is blocked', async () => {
    const plan = makePlan(OPENING)
    world.plans.set(plan.id, { ...plan, executable: false, blocked_reason: 'More margin is needed.' })
    renderAt(`/plans/${plan.id}`)
    expect(await screen.findByText('More margin is needed.')).toBeTruthy()
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Continue' }).disabled).toBe(true)
  })
})

describe('confirm', () => {
  it('sends the digest, and the same idempotency key at every retry', async () => {
    const user = userEvent.setup()
    const plan = makePlan(OPENING)
    const keys: (string | null)[] = []
    const bodies: unknown[] = []
    server.use(
      http.post('/api/executions', async ({ request: sent }) => {
        keys.push(sent.headers.get('idempotency-key'))
        bodies.push(await sent.json())
        if (keys.length < 3) return keys.length === 1 ? HttpResponse.error() : problem(503, 'unavailable', 'Busy.')
        return HttpResponse.json(startExecution(plan), { status: 202 })
      }),
    )
    const router = renderAt(`/plans/${plan.id}?step=confirm`)
    await user.click(await place())
    expect(await screen.findByText('Holdfast does not answer.')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: /^Try again/ }))
    expect(await screen.findByText('Busy.')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: /^Try again/ }))
    await screen.findByRole('progressbar', { name: 'Progress' })
    expect(router.state.location.pathname).toMatch(/^\/executions\//)
    expect(keys).toHaveLength(3)
    expect(keys[0]).toBeTruthy()
    expect(new Set(keys).size).toBe(1)
    expect(bodies).toEqual(Array(3).fill({ plan_id: plan.id, digest: plan.digest }))
  })

  it('offers a new preview, under a new key, when the old one is refused as expired', async () => {
    const user = userEvent.setup()
    const plan = makePlan(OPENING)
    server.use(http.post('/api/executions', () => problem(410, 'gone', 'This preview has expired.', 'Preview again.')))
    const router = renderAt(`/plans/${plan.id}?step=confirm`)
    await user.click(await place())
    await user.click(await screen.findByRole('button', { name: 'Get a new preview' }))
    await screen.findByRole('link', { name: 'Continue with 11 orders' })
    expect(router.state.location.pathname).not.toContain(plan.id)
  })

  const expire = (plan: ReturnType<typeof makePlan>) =>
    act(() => queryClient.setQueryData(['plan', plan.id], { ...plan, expires_at: new Date(0).toISOString() }))

  it('offers a new preview at once when the time is up after a failure', async () => {
    const user = userEvent.setup()
    const plan = makePlan(OPENING)
    server.use(http.post('/api/executions', () => problem(503, 'unavailable', 'Busy.')))
    const router = renderAt(`/plans/${plan.id}?step=confirm`)
    await user.click(await place())
    expect(await screen.findByText('Busy.')).toBeTruthy()
    expire(plan)
    await user.click(await screen.findByRole('button', { name: 'Get a new preview' }))
    await screen.findByRole('link', { name: 'Continue with 11 orders' })
    expect(router.state.location.pathname).not.toContain(plan.id)
  })

  it('goes to what was carried out all the same, instead of previewing it a second time', async () => {
    const user = userEvent.setup()
    const plan = makePlan(OPENING)
    const execution = startExecution(plan)
    server.use(http.post('/api/executions', () => HttpResponse.error()))
    const router = renderAt(`/plans/${plan.id}?step=confirm`)
    await user.click(await place())
    expect(await screen.findByText('Holdfast does not answer.')).toBeTruthy()
    expire(plan)
    await user.click(await screen.findByRole('button', { name: 'Get a new preview' }))
    await waitFor(() => expect(router.state.location.pathname).toBe(`/executions/${execution.id}`))
  })

  it('lets nothing be placed once the time is up', async () => {
    const plan = makePlan(OPENING)
    world.plans.set(plan.id, { ...plan, expires_at: new Date(Date.now() - 1).toISOString() })
    renderAt(`/plans/${plan.id}?step=confirm`)
    expect(await screen.findByRole('button', { name: 'Get a new preview' })).toBeTruthy()
    expect(screen.queryByRole('button', { name: /^Place/ })).toBeNull()
  })
})

describe('receipt', () => {
  it.each([
    ['complete', 'Complete', '556.08'],
    ['complete_with_residual', 'Complete, with residual as previewed', '556.08'],
    ['unwound', 'Unwound', '281.83'],
    ['unwound', 'Not opened', '0'],
    ['needs_attention', 'Needs attention', '281.83'],
  ] as const)('%s ends as “%s” and gives the reason', async (state, title, filled) => {
    const execution = startExecution(makePlan(OPENING))
    world.executions.set(execution.id, {
      ...execution,
      state,
      filled_notional: filled,
      reason: 'The reason in words.',
      finished_at: new Date().toISOString(),
    })
    renderAt(`/executions/${execution.id}`)
    expect(await screen.findByText(title)).toBeTruthy()
    expect(screen.getByText('The reason in words.')).toBeTruthy()
    expect(screen.getByRole('table', { name: 'Fills against plan' })).toBeTruthy()
  })

  it('stays on its progress while the venue still owes an answer', async () => {
    const execution = startExecution(makePlan(OPENING))
    const reason = 'Bybit has not told us yet what became of an order.'
    world.executions.set(execution.id, { ...execution, state: 'needs_attention', reason, finished_at: null })
    renderAt(`/executions/${execution.id}`)
    expect(await screen.findByText('Needs attention')).toBeTruthy()
    expect(screen.getByText(reason)).toBeTruthy()
    expect(screen.queryByRole('table', { name: 'Fills against plan' })).toBeNull()
  })
})
