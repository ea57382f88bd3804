import { screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { changeWorkspace, workspace } from '@/features/chart/workspace'
import { resetDatasets } from '@/mocks/datasets'
import { scripts } from '@/mocks/scripts'
import { USER } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

vi.mock('@/features/chart/panels/ChartView', () => ({ ChartView: () => null }))
vi.mock('./EquityChart', () => ({ default: () => null }))

mockedServer()
beforeEach(resetDatasets)
afterEach(() => localStorage.clear())

const SCRIPT = '00000000-0000-4000-8000-00000000a001'
const LAB = 'own:00000000-0000-4000-8000-0000000000d1'
const KEPT = `holdfast.market:${USER.id}`

const market = async () => (await screen.findByRole<HTMLInputElement>('combobox', { name: 'Traded on' })).value
const timeframe = () => screen.getByRole<HTMLSelectElement>('combobox', { name: 'Bars of' }).value
const chartOf = (series: string) =>
  changeWorkspace({ cells: workspace.get().cells.map((cell) => ({ ...cell, series })) })
const use = (series: string, bars = '4h') => localStorage.setItem(KEPT, JSON.stringify({ series, timeframe: bars }))

function checkedOn(series: string) {
  const view = scripts.all.get(SCRIPT)?.view
  if (view) view.findings = { ...view.findings, series }
}

describe.each([
  ['a back-test', '/backtests/new', 'Run back-test', /^\/backtests\/[0-9a-f-]{36}$/],
  ['a strategy', '/strategies/new', 'Run on paper', /^\/strategies\/[0-9a-f-]{36}$/],
] as const)('%s', (_, path, button, result) => {
  it('begins with the market that was used last', async () => {
    use('bybit:ETHUSDT')
    checkedOn('bybit:SOLUSDT')
    renderAt(`${path}?script=${SCRIPT}`)
    await screen.findByRole('textbox', { name: 'Length' })
    expect(await market()).toBe('bybit:ETHUSDT')
    expect(timeframe()).toBe('4h')
  })

  it('begins with the market on which the script was checked', async () => {
    checkedOn('bybit:SOLUSDT')
    renderAt(`${path}?script=${SCRIPT}`)
    await waitFor(async () => expect(await market()).toBe('bybit:SOLUSDT'))
  })

  it('begins with what the chart shows, before a script is chosen', async () => {
    renderAt(path)
    chartOf('bybit:XRPUSDT')
    await waitFor(async () => expect(await market()).toBe('bybit:XRPUSDT'))
  })

  it('begins with the most traded market, where nothing else is known', async () => {
    renderAt(path)
    chartOf('own:00000000-0000-4000-8000-0000000000ff')
    await waitFor(async () => expect(await market()).toBe('bybit:BTCUSDT'))
  })

  it('needs one press once a script is chosen, and remembers the market for the next one', async () => {
    const user = userEvent.setup()
    checkedOn('bybit:SOLUSDT')
    const router = renderAt(path)
    const choice = await screen.findByRole('combobox', { name: 'Script' })
    await user.selectOptions(choice, 'Trend with room')
    await screen.findByRole('textbox', { name: 'Length' })
    await user.click(screen.getByRole('button', { name: button }))
    await waitFor(() => expect(router.state.location.pathname).toMatch(result))
    expect(JSON.parse(localStorage.getItem(KEPT) ?? '')).toEqual({ series: 'bybit:SOLUSDT', timeframe: '1h' })
  })

  it('leaves alone what was chosen or cleared', async () => {
    const user = userEvent.setup()
    renderAt(path)
    const field = await screen.findByRole<HTMLInputElement>('combobox', { name: 'Traded on' })
    await user.selectOptions(screen.getByRole('combobox', { name: 'Bars of' }), '1d')
    expect(timeframe()).toBe('1d')
    await user.clear(field)
    await user.selectOptions(await screen.findByRole('combobox', { name: 'Script' }), 'Trend with room')
    await screen.findByRole('textbox', { name: 'Length' })
    expect(field.value).toBe('')
  })
})

describe('own data that was used last', () => {
  it('is back-tested again, all of it', async () => {
    use(LAB, '1h')
    renderAt('/backtests/new')
    await waitFor(async () => expect(await market()).toBe('Hourly lab'))
    expect(screen.getByRole('radio', { name: 'All' }).getAttribute('aria-checked')).toBe('true')
  })

  it('is not offered to a strategy, for no bar of it closes', async () => {
    use(LAB, '1h')
    renderAt('/strategies/new')
    chartOf('bybit:XRPUSDT')
    await waitFor(async () => expect(await market()).toBe('bybit:XRPUSDT'))
  })

  it('is not offered once it is gone', async () => {
    server.use(http.get('/api/datasets', () => HttpResponse.json({ datasets: [], used_bytes: 0, most_bytes: 1 })))
    use(LAB, '1h')
    renderAt('/backtests/new')
    chartOf('bybit:XRPUSDT')
    await waitFor(async () => expect(await market()).toBe('bybit:XRPUSDT'))
  })
})
