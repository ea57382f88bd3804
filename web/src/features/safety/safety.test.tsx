import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { problem } from '@/mocks/answers'
import { bookPosition } from '@/mocks/positions'
import { makeIncident, safety } from '@/mocks/safety'
import { CONNECTION, makePlan, OPENING, startExecution, world } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import type { Stop } from './queries'
import { openStop, stopDialog } from './store'

mockedServer()
vi.mock('@/features/indices/LevelChart', () => ({ default: () => null, toSeries: () => [] }))
beforeEach(() => stopDialog.set(null))

function openPosition(): string {
  const execution = startExecution(makePlan(OPENING))
  bookPosition(execution)
  return execution.position_id
}

const stopOfAll = (): Stop => ({
  id: 's',
  scope: 'instance',
  position_id: null,
  reason: 'Upgrade',
  by: 'operator',
  since: new Date().toISOString(),
})

const refused = () => problem(403, 'forbidden', 'Not now.')

const bar = () => screen.findByRole('region', { name: 'Trading is stopped' })

describe('the kill switch', () => {
  it('is on every page, and one key opens it', async () => {
    const user = userEvent.setup()
    renderAt('/indices')
    expect(await screen.findAllByRole('button', { name: 'Stop trading' })).not.toHaveLength(0)
    await user.keyboard('!')
    expect(await screen.findByRole('dialog', { name: 'Stop trading' })).toBeTruthy()
  })

  it('opens while somebody types, by Shift and Escape', async () => {
    const user = userEvent.setup()
    renderAt('/indices/btc-d')
    await user.type(await screen.findByRole('textbox', { name: 'Size' }), '1000!{Shift>}{Escape}{/Shift}')
    expect(await screen.findByRole('dialog', { name: 'Stop trading' })).toBeTruthy()
  })

  it('stops everything, says so on every page, and goes on after a second press', async () => {
    const user = userEvent.setup()
    const bodies: unknown[] = []
    const keys: (string | null)[] = []
    server.events.on('request:start', ({ request: sent }) => {
      if (sent.method !== 'POST' || !sent.url.endsWith('/api/stops')) return
      keys.push(sent.headers.get('idempotency-key'))
      void sent
        .clone()
        .json()
        .then((body) => bodies.push(body))
    })
    const router = renderAt('/positions')
    openStop()
    await user.type(await screen.findByRole('textbox', { name: /Why/ }), 'News')
    await user.click(screen.getByRole('button', { name: 'Stop new orders' }))
    expect((await bar()).textContent).toMatch(/Trading is stopped.*By you.*News/)
    expect(bodies).toEqual([{ scope: 'user', reason: 'News' }])
    expect(keys[0]).toBeTruthy()
    await router.navigate({ to: '/indices' })
    const resume = within(await bar()).getByRole('button', { name: 'Resume' })
    await user.click(resume)
    expect(safety.stops).toHaveLength(1)
    await user.click(within(await bar()).getByRole('button', { name: 'Press again to resume' }))
    await waitFor(() => expect(screen.queryByRole('region', { name: 'Trading is stopped' })).toBeNull())
    expect(safety.stops).toHaveLength(0)
  })

  it('stops one position from its page', async () => {
    const user = userEvent.setup()
    const id = openPosition()
    renderAt(`/positions/${id}`)
    await screen.findByRole('table', { name: 'Legs' })
    openStop(id)
    expect(await screen.findByRole('radio', { name: 'This position', checked: true })).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Stop new orders' }))
    expect((await bar()).textContent).toContain('Long BTC.D is stopped.')
    expect(safety.stops[0]).toMatchObject({ scope: 'position', position_id: id })
  })

  it('lists what will be closed before it closes anything, then shows how it goes', async () => {
    const user = userEvent.setup()
    openPosition()
    openPosition()
    const router = renderAt('/indices')
    openStop()
    await user.click(await screen.findByRole('button', { name: 'Stop and flatten…' }))
    const list = await screen.findByRole('list', { name: 'Will be closed' })
    expect(within(list).getAllByText('Long BTC.D')).toHaveLength(2)
    expect(screen.getByText(/What you bought or opened yourself/)).toBeTruthy()
    expect(safety.flattenings.size).toBe(0)
    await user.click(screen.getByRole('button', { name: 'Close 2 positions now' }))
    expect(await screen.findByRole('list', { name: 'Positions being closed' })).toBeTruthy()
    expect(router.state.location.pathname).toMatch(/^\/flatten\//)
    expect(await screen.findByText('Flat')).toBeTruthy()
    await router.navigate({ to: '/indices' })
    await user.click(within(await bar()).getByRole('link', { name: 'What was closed' }))
    expect(await screen.findByText('Flat')).toBeTruthy()
  })

  it('names the command that still works when nobody answers', async () => {
    const user = userEvent.setup()
    server.use(
      http.post('/api/stops', () => HttpResponse.error()),
      http.post('/api/flatten', () => problem(503, 'unavailable', 'The database does not answer.')),
    )
    renderAt('/indices')
    openStop()
    await user.click(await screen.findByRole('button', { name: 'Stop new orders' }))
    expect(await screen.findByText('holdfast stop --all')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Stop and flatten…' }))
    await user.click(await screen.findByRole('button', { name: 'Stop now' }))
    expect(await screen.findByText('holdfast flatten --offline')).toBeTruthy()
  })

  it('says that nobody knows whether trading is stopped, until it is known', async () => {
    const user = userEvent.setup()
    server.use(http.get('/api/stops', refused))
    safety.stops = [stopOfAll()]
    renderAt('/indices')
    const unknown = await screen.findByText('Whether trading is stopped could not be loaded.')
    expect(unknown.closest('[role="status"]')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByText('Whether trading is stopped could not be loaded.')).toBeTruthy()
    server.resetHandlers()
    await user.click(await screen.findByRole('button', { name: 'Try again' }))
    expect(await bar()).toBeTruthy()
    expect(screen.queryByText('Whether trading is stopped could not be loaded.')).toBeNull()
  })

  it('leaves a stop of the whole installation to who runs it', async () => {
    safety.stops = [stopOfAll()]
    renderAt('/indices')
    expect((await bar()).textContent).toMatch(
      /everybody on this installation.*By operator.*Upgrade.*holdfast resume --all/,
    )
    expect(within(await bar()).queryByRole('button')).toBeNull()
  })
})

describe('incidents', () => {
  it('ring, are listed with what came of them, and count as seen once looked at', async () => {
    safety.incidents = [
      makeIncident({}),
      makeIncident({
        kind: 'liquidation',
        severity: 'alarm',
        title: 'The venue liquidated part of your account',
        blocks: 'opening',
        acknowledge: true,
      }),
    ]
    const user = userEvent.setup()
    renderAt('/indices')
    const [bell] = await screen.findAllByRole('link', { name: 'Incidents, 2 unseen' })
    if (bell) await user.click(bell)
    const list = await screen.findByRole('list', { name: 'Incidents' })
    expect(within(list).getAllByText('New')).toHaveLength(1)
    expect(within(list).getByText('Nothing new is opened here until this is settled.')).toBeTruthy()
    expect(await screen.findAllByRole('link', { name: 'Incidents, 1 unseen' })).not.toHaveLength(0)
    expect(safety.incidents.find((each) => each.acknowledge)?.seen_at).toBeNull()
    await user.click(within(list).getByRole('button', { name: 'I have read this' }))
    expect(await screen.findAllByRole('link', { name: 'Incidents' })).not.toHaveLength(0)
  })

  it('say once on a page of several accounts that they are not known', async () => {
    world.connections = [CONNECTION, { ...CONNECTION, id: 'c-2', label: 'Second' }]
    server.use(http.get('/api/incidents', refused))
    renderAt('/connections')
    expect(await screen.findByText('Incidents could not be loaded.')).toBeTruthy()
    expect(screen.getAllByRole('button', { name: 'Check again' })).toHaveLength(2)
    expect(screen.getAllByText('Incidents could not be loaded.')).toHaveLength(1)
  })

  it('ring neither nor keep silent while they cannot be loaded', async () => {
    const user = userEvent.setup()
    const id = openPosition()
    safety.incidents = [makeIncident({ severity: 'alarm', position_id: id })]
    server.use(http.get('/api/incidents', refused))
    renderAt(`/positions/${id}`)
    expect(await screen.findAllByRole('link', { name: 'Incidents, could not be loaded' })).not.toHaveLength(0)
    expect(await screen.findByText('Incidents could not be loaded.')).toBeTruthy()
    server.resetHandlers()
    await user.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByRole('list', { name: 'Open incidents' })).toBeTruthy()
    expect(await screen.findAllByRole('link', { name: 'Incidents, 1 unseen' })).not.toHaveLength(0)
  })

  it('say calmly when there is nothing', async () => {
    renderAt('/incidents')
    expect(await screen.findByText('Nothing is out of the ordinary')).toBeTruthy()
  })
})
