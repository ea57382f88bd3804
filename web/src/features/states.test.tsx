import { act, render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { describe, expect, it, vi } from 'vitest'

import { stream } from '@/api/live'
import { queryClient } from '@/api/queries'
import { session } from '@/api/session'
import { problem } from '@/mocks/answers'
import { bookPosition, ordersOf } from '@/mocks/positions'
import { makeIncident, safety } from '@/mocks/safety'
import { makePlan, OPENING, startExecution, world } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { ExposureBars } from './positions/ExposureBars'
import { WithoutPage } from './safety/WithoutPage'

mockedServer()
vi.mock('@/features/indices/LevelChart', () => ({ default: () => null, toSeries: () => [] }))

const execution = () => startExecution(makePlan(OPENING))

const closedPosition = () => {
  const done = execution()
  bookPosition(done)
  return { ...world.positions.get(done.position_id), state: 'closed' }
}

const refused = () => problem(403, 'forbidden', 'Not now.', 'Wait.')

describe('what cannot be loaded is said, never left out', () => {
  it.each([
    ['/', '/api/indices'],
    ['/connections/new', '/api/system'],
  ])('on %s of %s', async (page, path) => {
    server.use(http.get(path, refused))
    renderAt(page)
    expect(await screen.findByText('Not now.')).toBeTruthy()
  })

  it.each([
    ['/activity', '/api/orders', () => ordersOf()],
    ['/positions?state=closed', '/api/positions', () => [closedPosition()]],
    ['/incidents', '/api/incidents', () => []],
  ])('on %s while more is asked for', async (page, path, make) => {
    const user = userEvent.setup()
    execution()
    const incident = {
      id: 'i',
      severity: 'info',
      title: 'An incident',
      text: '',
      blocks: '',
      at: '2026-11-02T10:00:00Z',
    }
    const found: object[] = make()
    const items = found.length > 0 ? found : [{ ...incident, seen_at: incident.at }]
    server.use(
      http.get(path, ({ request }) => {
        const more = new URL(request.url).searchParams.has('cursor')
        return more ? refused() : HttpResponse.json({ items, next_cursor: 'more' })
      }),
    )
    renderAt(page)
    await user.click(await screen.findByRole('button', { name: 'Show more' }))
    expect(await screen.findByText('Not now.')).toBeTruthy()
  })

  it('while an execution that runs cannot be followed', async () => {
    const { id } = execution()
    let down = false
    server.use(http.get('/api/executions/:id', () => (down ? refused() : undefined)))
    renderAt(`/executions/${id}`)
    await screen.findByRole('progressbar', { name: 'Progress' })
    down = true
    expect(await screen.findByText('Not now.')).toBeTruthy()
    expect(screen.getByRole('progressbar', { name: 'Progress' })).toBeTruthy()
  })
})

it.each([
  ['opening', 'Closing only'],
  ['trading', 'Trading stopped'],
] as const)('does not call an account ready while an incident blocks %s', async (blocks, words) => {
  safety.incidents = [makeIncident({ connection_id: world.connections[0]?.id ?? '', symbol: '', blocks })]
  renderAt('/connections')
  expect(await screen.findByText(words)).toBeTruthy()
  expect(screen.queryByText('Ready to trade')).toBeNull()
})

describe('a dialog that was left', () => {
  const open = async (button: string, label: string) => {
    await userEvent.click(await screen.findByRole('button', { name: button }))
    return within(await screen.findByRole('dialog')).getByLabelText<HTMLInputElement>(label)
  }

  it.each([
    ['Delete', `Type “${world.connections[0]?.label}” to confirm`],
    ['Replace key', 'API secret'],
  ])('to %s begins anew', async (button, label) => {
    renderAt('/connections')
    await userEvent.type(await open(button, label), 'Practice account')
    await userEvent.keyboard('{Escape}')
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect((await open(button, label)).value).toBe('')
  })
})

it('offers no copying where the browser has none, as on a page without https', () => {
  vi.stubGlobal('navigator', { ...navigator, clipboard: undefined })
  render(<WithoutPage flatten={false} />)
  expect(screen.getByText('holdfast stop --all')).toBeTruthy()
  expect(screen.queryByRole('button')).toBeNull()
  vi.unstubAllGlobals()
})

describe('what may be old is said in words too', () => {
  it('of an account and its positions while the stream is down', async () => {
    bookPosition(execution())
    renderAt('/')
    const row = within(await screen.findByRole('list', { name: 'Open positions' }))
    await screen.findByText('Account value')
    act(() => stream.status.set('stale'))
    expect(row.getByText('(may be old)')).toBeTruthy()
    expect(screen.getByText('Account value').nextElementSibling?.textContent).toContain('(may be old)')
  })

  it('of limits whose use cannot be asked for', async () => {
    renderAt('/settings/risk')
    await screen.findByRole('textbox', { name: 'One order' })
    server.use(http.get('/api/limits', refused))
    await act(() => queryClient.invalidateQueries({ queryKey: ['limits'] }))
    expect(await screen.findByText(/What is used may be old/)).toBeTruthy()
  })
})

it('leaves a history in place that cannot be renewed', async () => {
  renderAt('/indices/btc-d')
  await screen.findByText('History of BTC.D')
  server.use(http.get('/api/indices/:id/history', refused))
  await act(async () => {
    await queryClient.invalidateQueries({ queryKey: ['index', 'btc-d', 'history'] })
    await new Promise((told) => setTimeout(told, 50))
  })
  expect(screen.queryByText('Not now.')).toBeNull()
  expect(screen.getByText('History of BTC.D')).toBeTruthy()
})

it('gives an exposure that is not known no direction', () => {
  const { container } = render(<ExposureBars legs={[{ symbol: 'BTCUSDT', ticker: 'BTC', notional: null } as never]} />)
  expect(screen.getByText('not available')).toBeTruthy()
  expect(container.querySelector('.text-up, .text-down')).toBeNull()
})

const twoAccounts = () => {
  const [first] = world.connections
  if (first) world.connections = [first, { ...first, id: 'other', label: 'Other account' }]
  return first
}

it('says what is available on the account that is chosen, never on all together', async () => {
  const first = twoAccounts()
  const taken_at = new Date().toISOString()
  const account = (id: string | undefined, available: string) => ({
    connection_id: id,
    equity: '0',
    available,
    taken_at,
  })
  server.use(
    http.get('/api/overview', () =>
      HttpResponse.json({ available: '1200', accounts: [account(first?.id, '1000'), account('other', '200')] }),
    ),
  )
  renderAt('/indices/btc-d')
  expect(await screen.findByText('Available 1,000.00 USDT')).toBeTruthy()
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Account' }), 'other')
  expect(screen.getByText('Available 200.00 USDT')).toBeTruthy()
})

it('trades on an account that is there, whatever the address names', async () => {
  const first = twoAccounts()
  const asked: unknown[] = []
  server.use(
    http.post('/api/previews', async ({ request }) => {
      asked.push(((await request.json()) as { connection_id: string }).connection_id)
      return refused()
    }),
  )
  renderAt('/indices/btc-d?connection=gone&size=1000')
  await userEvent.click(await screen.findByRole('button', { name: 'Preview orders' }))
  await waitFor(() => expect(asked).toEqual([first?.id]))
})

it('says to a visitor that the installation does not answer, and offers the demo once it does', async () => {
  server.use(http.get('/api/system', refused))
  renderAt('/')
  act(() => session.set({ status: 'out' }))
  expect(await screen.findByText('Not now.')).toBeTruthy()
  server.resetHandlers()
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(await screen.findByRole('button', { name: 'Try the demo' })).toBeTruthy()
})
