import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { describe, expect, it, vi } from 'vitest'

import { bookPosition } from '@/mocks/positions'
import { makePlan, OPENING, startExecution, world } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import type { PreviewRequest } from './queries'
import { optionProblem } from './tactics'

mockedServer()
vi.mock('@/features/indices/LevelChart', () => ({ default: () => null, toSeries: () => [] }))

/** What is asked to be previewed from here on. */
function previews(): PreviewRequest[] {
  const asked: PreviewRequest[] = []
  server.use(
    http.post('/api/previews', async ({ request: sent }) => {
      const body = (await sent.json()) as PreviewRequest
      asked.push(body)
      return HttpResponse.json(makePlan(body), { status: 201 })
    }),
  )
  return asked
}

it('takes whole numbers within the venue’s patience', () => {
  expect(optionProblem('deadline_seconds', '60')).toBeUndefined()
  expect(optionProblem('deadline_seconds', '4')).toMatch(/from 5 to 600/)
  expect(optionProblem('slices', '2.5')).toMatch(/whole number from 2 to 50/)
  expect(optionProblem('seconds', '')).toMatch(/from 10 to 3600/)
})

describe('how orders are sent', () => {
  it('is previewed before it can be confirmed, beside the cost of the usual way', async () => {
    const user = userEvent.setup()
    const plan = makePlan(OPENING)
    const asked = previews()
    const router = renderAt(`/plans/${plan.id}`)
    await user.click(await screen.findByRole('radio', { name: 'Passive' }))
    expect(await screen.findByText(/assumed to be had as a maker/)).toBeTruthy()
    expect(router.state.location.pathname).not.toContain(plan.id)
    expect(asked[0]).toMatchObject({ kind: 'open', size: '1000', tactic: { kind: 'passive', deadline_seconds: 60 } })
    const how = screen.getByRole('region', { name: 'How the orders are sent' })
    expect(
      within(how)
        .getAllByRole('term')
        .map((each) => each.textContent),
    ).toEqual(['Passive', 'Limit'])
    expect(screen.getByRole('link', { name: /^Continue/ })).toBeTruthy()
  })

  it('previews anew when an option is changed, and not when it is nonsense', async () => {
    const user = userEvent.setup()
    const plan = makePlan({ ...OPENING, tactic: { kind: 'twap', slices: 10, seconds: 300 } })
    const asked = previews()
    const router = renderAt(`/plans/${plan.id}`)
    const slices = await screen.findByRole('textbox', { name: 'Slices' })
    await user.clear(slices)
    await user.type(slices, '99{Enter}')
    expect(await screen.findByText('A whole number from 2 to 50.')).toBeTruthy()
    await user.clear(slices)
    await user.type(slices, '20{Enter}')
    await waitFor(() => expect(router.state.location.pathname).not.toContain(plan.id))
    expect(document.activeElement).toBe(slices)
    await user.tab()
    expect(asked.filter((each) => each.tactic?.kind === 'twap')).toMatchObject([
      { tactic: { kind: 'twap', slices: 20, seconds: 300 } },
    ])
  })

  it('is kept when an expired preview is renewed', async () => {
    const user = userEvent.setup()
    const plan = makePlan({ ...OPENING, tactic: { kind: 'market' } })
    const asked = previews()
    renderAt(`/plans/${plan.id}`)
    await user.click(await screen.findByRole('button', { name: 'Refresh preview' }))
    await screen.findByText(/at most 0.5% worse than the best price/)
    expect(asked.map((each) => each.tactic?.kind)).toContain('market')
  })
})

describe('rebalancing', () => {
  it('shows every weight before and after, then goes the way of every order', async () => {
    const user = userEvent.setup()
    const execution = startExecution(makePlan(OPENING))
    bookPosition(execution)
    const router = renderAt(`/positions/${execution.position_id}`)
    await user.click(await screen.findByRole('button', { name: 'Rebalance' }))
    const chart = await screen.findByRole('list', { name: /Weights before and after/ })
    expect(within(chart).getAllByRole('listitem')).toHaveLength(11)
    expect(within(chart).getAllByRole('listitem')[0]?.textContent).toMatch(/%.*→.*%/)
    expect(screen.getByRole('heading', { name: 'Rebalance BTC.D' })).toBeTruthy()
    await user.click(screen.getByRole('link', { name: /^Continue/ }))
    expect(await screen.findByText(/Rebalance your long position in BTC.D/)).toBeTruthy()
    await user.click(screen.getByRole('button', { name: /^Place/ }))
    await screen.findByRole('progressbar', { name: 'Progress' })
    expect(router.state.location.pathname).toMatch(/^\/executions\//)
  })
})

describe('progress', () => {
  it('says what rests where, and until when', async () => {
    const execution = startExecution(makePlan({ ...OPENING, tactic: { kind: 'passive', deadline_seconds: 60 } }))
    renderAt(`/executions/${execution.id}`)
    expect(await screen.findByText(/what is missing is taken in (1 min|59 s)/)).toBeTruthy()
    const legs = within(screen.getByRole('list', { name: 'Legs' })).getAllByRole('listitem')
    expect(legs[0]?.textContent).toMatch(/Waiting at 97,312.40/)
  })

  it('counts the slices, and down to the next one', async () => {
    const execution = startExecution(makePlan({ ...OPENING, tactic: { kind: 'twap', slices: 10, seconds: 300 } }))
    renderAt(`/executions/${execution.id}`)
    expect(await screen.findByText(/^In slices, for/)).toBeTruthy()
    expect(screen.getAllByText(/^Slice 2 of 10 in 2\d s/)).not.toHaveLength(0)
  })

  it('calls no leg done that only waits for the others', async () => {
    const execution = startExecution(makePlan({ ...OPENING, tactic: { kind: 'passive', deadline_seconds: 60 } }))
    const [first, second, ...others] = execution.legs
    if (!first || !second) throw new Error('no legs')
    const waits = { ...first, state: 'partial' as const, resting_price: null }
    const follows = { ...second, resting_price: null, next_at: new Date().toISOString() }
    world.executions.set(execution.id, { ...execution, legs: [waits, follows, ...others] })
    renderAt(`/executions/${execution.id}`)
    expect(await screen.findByText('Waiting for the other legs')).toBeTruthy()
    expect(screen.getByText('Following the price')).toBeTruthy()
    expect(screen.getByText(/^0 of 11 legs done/)).toBeTruthy()
  })
})
