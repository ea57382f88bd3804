import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http } from 'msw'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { problem } from '@/mocks/answers'
import { backtests } from '@/mocks/backtests'
import { resetDatasets } from '@/mocks/datasets'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

vi.mock('@/features/chart/panels/ChartView', () => ({ ChartView: () => null }))
vi.mock('./EquityChart', () => ({ default: ({ label }: { label: string }) => <p>{label}</p> }))

mockedServer()
beforeEach(resetDatasets)

const ID = (number: number) => `00000000-0000-4000-8000-0000000000b${number}`
const SCRIPT = '00000000-0000-4000-8000-00000000a001'
const LAB = 'own:00000000-0000-4000-8000-0000000000d1'

describe('the list', () => {
  it('tells what each earned, beside holding, and which cannot be trusted', async () => {
    renderAt('/backtests')
    const list = await screen.findByRole('list', { name: 'Back-tests' })
    const [first, second, third] = within(list).getAllByRole('listitem')
    expect(first?.textContent).toMatch(/Trend with room.*BTCUSDT · 1d.*%drawdown.*hold/)
    expect(second?.textContent).toContain('Sees the future')
    expect(third?.textContent).toContain('Failed')
  })

  it('says what a back-test is, where there is none', async () => {
    backtests.all = new Map()
    renderAt('/backtests')
    expect(await screen.findByText('Nothing tried yet')).toBeTruthy()
    expect(screen.getAllByRole('link', { name: 'New back-test' })[0]?.getAttribute('href')).toBe('/backtests/new')
  })

  it('says why it cannot be told', async () => {
    server.use(http.get('/api/backtests', () => problem(403, 'forbidden', 'Not now.')))
    renderAt('/backtests')
    expect(await screen.findByText('Not now.')).toBeTruthy()
  })
})

describe('a new one', () => {
  it('says what is missing, and sends nothing', async () => {
    const user = userEvent.setup()
    const router = renderAt('/backtests/new')
    await screen.findByRole('combobox', { name: 'Script' })
    await user.clear(screen.getByRole('combobox', { name: 'Traded on' }))
    await user.click(screen.getByRole('button', { name: 'Run back-test' }))
    const missing = await screen.findByText('Choose what decides.')
    expect(screen.getByRole('combobox', { name: 'Script' }).getAttribute('aria-describedby')).toBe(missing.id)
    expect(screen.getByText('Choose a market, an index or own data.')).toBeTruthy()
    expect(router.state.location.pathname).toBe('/backtests/new')
  })

  it('runs the chosen script with its inputs and goes to it, where it is followed to its end', async () => {
    const user = userEvent.setup()
    const bodies: unknown[] = []
    server.events.on('request:start', ({ request }) => {
      if (request.method === 'POST' && request.url.endsWith('/api/backtests')) {
        void request
          .clone()
          .json()
          .then((body) => bodies.push(body))
      }
    })
    const router = renderAt(`/backtests/new?script=${SCRIPT}&series=bybit:BTCUSDT&tf=4h`)
    const length = await screen.findByRole('textbox', { name: 'Length' })
    await user.clear(length)
    await user.type(length, '50')
    await user.click(screen.getByRole('radio', { name: 'All' }))
    await user.click(screen.getByRole('button', { name: 'Run back-test' }))
    await waitFor(() => expect(router.state.location.pathname).toMatch(/^\/backtests\/[0-9a-f-]{36}$/))
    expect(await screen.findByRole('progressbar')).toBeTruthy()
    expect(bodies[0]).toMatchObject({
      source: { kind: 'script', script_id: SCRIPT, version: 2 },
      inputs: { length: 50, shorts: false },
      timeframe: '4h',
      since: null,
      fee_rate: '0.001',
    })
    expect(await screen.findByText('Return, after fees and slippage')).toBeTruthy()
  })

  it('takes own data with bars of its length, all of it', async () => {
    renderAt(`/backtests/new?series=${LAB}&tf=15m`)
    const timeframe = await screen.findByRole<HTMLSelectElement>('combobox', { name: 'Bars of' })
    await waitFor(() => expect(timeframe.value).toBe('1h'))
    expect([...timeframe.options].map((each) => each.value)).not.toContain('15m')
    expect(screen.getByRole<HTMLElement>('radio', { name: 'All' }).getAttribute('aria-checked')).toBe('true')
    expect(screen.getByText(/bars from 1 Jan 2022 to 31 Dec 2023\. About 17,519 bars/)).toBeTruthy()
  })

  it('begins with the settings of one that ran', async () => {
    renderAt(`/backtests/new?from=${ID(4)}`)
    const signals = await screen.findByRole<HTMLSelectElement>('combobox', { name: 'Signals' })
    expect(signals.selectedOptions[0]?.text).toBe('Breakouts')
    expect(screen.getByRole<HTMLInputElement>('combobox', { name: 'Traded on' }).value).toBe('bybit:SOLUSDT')
  })

  it('shows a refusal of the server and keeps what was typed', async () => {
    const user = userEvent.setup()
    renderAt(`/backtests/new?script=${SCRIPT}&series=bybit:NOSUCH`)
    await screen.findByRole('textbox', { name: 'Length' })
    await user.click(screen.getByRole('button', { name: 'Run back-test' }))
    expect((await screen.findAllByText('No market has this symbol.')).length).toBeGreaterThan(0)
    expect(screen.getByRole<HTMLInputElement>('combobox', { name: 'Traded on' }).value).toBe('bybit:NOSUCH')
  })
})

describe('a result', () => {
  it('begins with the verdict, tells missing bars, and pages its trades', async () => {
    const user = userEvent.setup()
    renderAt(`/backtests/${ID(1)}`)
    expect(await screen.findByText(/^Buying at the start and holding: .* points (better|worse)\.$/)).toBeTruthy()
    expect(screen.getByText('4 of 324 bars are missing.')).toBeTruthy()
    expect(screen.queryByText('This result looks into the future')).toBeNull()
    expect(await screen.findByText('Equity of Trend with room')).toBeTruthy()
    const table = await screen.findByRole('table', { name: 'Trades' })
    expect(within(table).getAllByRole('rowheader')).toHaveLength(10)
    await user.click(screen.getByRole('button', { name: 'Show more' }))
    await waitFor(() => expect(within(table).getAllByRole('rowheader')).toHaveLength(15))
    expect(within(table).getByText('still open')).toBeTruthy()
    const link = (name: string) => screen.getByRole('link', { name }).getAttribute('href')
    expect(link('Open on chart')).toBe('/chart/bybit/BTCUSDT?tf=1d')
    expect(link('Run again with changes')).toBe(`/backtests/new?from=${ID(1)}`)
    expect(link('Run on paper')).toBe(`/strategies/new?from=${ID(1)}`)
  })

  it('is loud when the script looks into the future', async () => {
    renderAt(`/backtests/${ID(2)}`)
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('This result looks into the future')
    expect(alert.textContent).toContain('No figure below can be trusted')
  })

  it('that failed says why and where', async () => {
    renderAt(`/backtests/${ID(3)}`)
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('It failed in line 2 of the script.')
    expect(alert.textContent).toContain('Did you mean “ohlc4”?')
  })

  it('is cancelled while it runs', async () => {
    const user = userEvent.setup()
    const kept = backtests.all.get(ID(1))
    if (kept) Object.assign(kept, { view: { ...kept.view, state: 'running' }, asked: -1_000 })
    renderAt(`/backtests/${ID(1)}`)
    await user.click(await screen.findByRole('button', { name: 'Cancel' }))
    expect(await screen.findByText('It was cancelled before there was a result.')).toBeTruthy()
  })

  it('is deleted only when that is confirmed', async () => {
    const user = userEvent.setup()
    const router = renderAt(`/backtests/${ID(1)}`)
    await user.click(await screen.findByRole('button', { name: 'Delete' }))
    const dialog = await screen.findByRole('dialog', { name: 'Delete this back-test?' })
    expect(backtests.all.has(ID(1))).toBe(true)
    await user.click(within(dialog).getByRole('button', { name: 'Delete' }))
    await waitFor(() => expect(router.state.location.pathname).toBe('/backtests'))
    expect(backtests.all.has(ID(1))).toBe(false)
  })
})

it('is one press away from own data', async () => {
  renderAt('/data')
  const item = await screen.findByRole('listitem', { name: 'Hourly lab' })
  const link = within(item).getByRole('link', { name: 'Back-test' }).getAttribute('href')
  expect(decodeURIComponent(link ?? '')).toBe(`/backtests/new?series=${LAB}&tf=1h`)
})
