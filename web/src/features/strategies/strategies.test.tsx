import { act, cleanup, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http } from 'msw'
import { describe, expect, it, vi } from 'vitest'

import { stream } from '@/api/live'
import { queryClient } from '@/api/queries'
import { createStore } from '@/lib/store'
import { problem } from '@/mocks/answers'
import { scripts } from '@/mocks/scripts'
import { strategies } from '@/mocks/strategies'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { withTick } from './queries'
import type { Strategy } from './types'

vi.mock('@/features/backtests/EquityChart', () => ({ default: () => null }))

mockedServer()

const ID = (number: number) => `00000000-0000-4000-8000-0000000000e${number}`
const SCRIPT = '00000000-0000-4000-8000-00000000a001'

function first(): Strategy {
  const [found] = strategies.all
  if (!found) throw new Error('no strategy')
  return found
}

describe('the list', () => {
  it('says that all is on paper, what each holds, and which have ended', async () => {
    renderAt('/strategies')
    const running = await screen.findByRole('list', { name: 'Strategies' })
    const [bitcoin, ether] = within(running).getAllByRole('listitem')
    expect(bitcoin?.textContent).toMatch(/Trend on Bitcoin.*Runs on paper.*Long 0\.104.*\+139\.21/)
    expect(ether?.textContent).toMatch(/Paused.*Flat/)
    expect(running.textContent).toMatch(/Failed.*Repainted.*Line 2: There is no “oops” here/)
    const ended = screen.getByRole('list', { name: 'Ended strategies' })
    expect(ended.textContent).toContain('Stopped')
    expect(screen.getByText(/no order is ever sent to an exchange/)).toBeTruthy()
  })

  it('says what a strategy is, where there is none', async () => {
    strategies.all = []
    renderAt('/strategies')
    expect(await screen.findByText('No strategy yet')).toBeTruthy()
  })

  it('follows the stream', async () => {
    const told = createStore<unknown>(undefined)
    vi.spyOn(stream, 'peek').mockImplementation((topic) => (topic === 'strategies' ? told.get() : undefined))
    vi.spyOn(stream, 'watch').mockImplementation((_, watcher) => told.subscribe(() => watcher(told.get())))
    renderAt('/strategies')
    await screen.findByText('+139.21')
    act(() => told.set({ strategies: [{ ...first(), pnl: '151.5', waiting: 'Waiting for the sandbox.' }] }))
    expect(await screen.findByText('+151.50')).toBeTruthy()
    expect(screen.getByText(/may be old/)).toBeTruthy()
  })
})

it('takes the newer of an answer and a tick', () => {
  const known = { ...first(), changed_at: '2026-11-22T10:00:00Z', state: 'paused' as const }
  const older = { ...first(), changed_at: '2026-11-22T09:59:59Z' }
  const newer = { ...older, changed_at: '2026-11-22T10:00:01Z', pnl: '1' }
  expect(withTick(known, [older])).toBe(known)
  expect(withTick(known, [newer])).toMatchObject({ state: 'paper', pnl: '1' })
  expect(withTick(known, undefined)).toBe(known)
})

describe('one', () => {
  it('says that what is shown could not be renewed', async () => {
    renderAt(`/strategies/${ID(1)}`)
    await screen.findByText('Long 0.104')
    server.use(http.get('/api/strategies/:id', () => problem(404, 'not-found', 'It was deleted.')))
    await act(() => queryClient.invalidateQueries({ queryKey: ['strategy', ID(1)], exact: true }))
    expect(await screen.findByText('It was deleted.')).toBeTruthy()
    expect(screen.getByText('Long 0.104')).toBeTruthy()
  })

  it('tells its state, its position, its next bar, its events and its fills', async () => {
    renderAt(`/strategies/${ID(1)}`)
    expect(await screen.findByText(/^On paper: its trades are booked here only/)).toBeTruthy()
    expect(screen.getByText('Long 0.104')).toBeTruthy()
    expect(screen.getByText('Next bar')).toBeTruthy()
    const events = await screen.findByRole('list', { name: 'Events' })
    expect(within(events).getAllByRole('listitem')[0]?.textContent).toContain('BTCUSDT is above its mean')
    const fills = await screen.findByRole('table', { name: 'Fills on paper' })
    expect(within(fills).getAllByRole('rowheader')).toHaveLength(3)
    expect(screen.queryByRole('button', { name: 'Delete' })).toBeNull()
  })

  it('is paused and resumed with one press', async () => {
    const user = userEvent.setup()
    renderAt(`/strategies/${ID(1)}`)
    await user.click(await screen.findByRole('button', { name: 'Pause' }))
    await user.click(await screen.findByRole('button', { name: 'Resume' }))
    expect(await screen.findByRole('button', { name: 'Pause' })).toBeTruthy()
    expect(first().state).toBe('paper')
  })

  it('is stopped only when that is confirmed, and may then be deleted', async () => {
    const user = userEvent.setup()
    const router = renderAt(`/strategies/${ID(1)}`)
    await user.click(await screen.findByRole('button', { name: 'Stop' }))
    const dialog = await screen.findByRole('dialog', { name: 'Stop “Trend on Bitcoin”?' })
    expect(first().state).toBe('paper')
    await user.click(within(dialog).getByRole('button', { name: 'Stop it' }))
    await user.click(await screen.findByRole('button', { name: 'Delete' }))
    const last = await screen.findByRole('dialog', { name: 'Delete “Trend on Bitcoin”?' })
    await user.click(within(last).getByRole('button', { name: 'Delete' }))
    await waitFor(() => expect(router.state.location.pathname).toBe('/strategies'))
  })

  it('is renamed', async () => {
    const user = userEvent.setup()
    renderAt(`/strategies/${ID(1)}`)
    await user.click(await screen.findByRole('button', { name: 'Rename' }))
    const name = await screen.findByRole('textbox', { name: 'Name' })
    await user.clear(name)
    await user.type(name, 'Other')
    await user.click(screen.getByRole('button', { name: 'Save' }))
    expect(await screen.findByRole('heading', { level: 1, name: 'Other' })).toBeTruthy()
  })

  it('that failed says why, and that its script repaints', async () => {
    renderAt(`/strategies/${ID(3)}`)
    const [why, repaints] = await screen.findAllByRole('alert')
    expect(why?.textContent).toContain('It failed and decides nothing until it is resumed.')
    expect(why?.textContent).toContain('Line 2: There is no “oops” here.')
    expect(screen.getByRole('button', { name: 'Resume' })).toBeTruthy()
    expect(repaints?.textContent).toContain('The script repaints.')
  })
})

describe('a new one', () => {
  it('runs a script from the next closed bar on, under a name of its own', async () => {
    const user = userEvent.setup()
    const router = renderAt(`/strategies/new?script=${SCRIPT}&series=bybit:ETHUSDT&tf=15m`)
    await screen.findByRole('textbox', { name: 'Length' })
    await user.click(screen.getByRole('button', { name: 'Run on paper' }))
    await waitFor(() => expect(router.state.location.pathname).toBe(`/strategies/${ID(5)}`))
    expect(first()).toMatchObject({ name: 'Trend with room · ETHUSDT', timeframe: '15m', series: 'bybit:ETHUSDT' })
  })

  it('says before it runs what the search for values from the future says against it', async () => {
    const [clean, ahead] = [...scripts.all.values()]
    if (!clean || !ahead) throw new Error('no script')
    clean.view = { ...clean.view, findings: { ...clean.view.findings, state: 'unchecked', runs: 0 } }
    renderAt(`/strategies/new?script=${SCRIPT}`)
    const note = await screen.findByRole('note')
    expect(note.textContent).toMatch(/not searched for values from the future.*back-test it first/)
    cleanup()
    renderAt(`/strategies/new?script=${ahead.view.id}`)
    expect((await screen.findByRole('note')).textContent).toMatch(/Looks into the future:.*Expect other results/)
  })

  it('takes no data that never goes on', async () => {
    const user = userEvent.setup()
    renderAt(`/strategies/new?script=${SCRIPT}&series=own:00000000-0000-4000-8000-0000000000d1`)
    await screen.findByRole('textbox', { name: 'Length' })
    await user.click(screen.getByRole('button', { name: 'Run on paper' }))
    expect(await screen.findByText(/^Own data does not go on/)).toBeTruthy()
  })
})
