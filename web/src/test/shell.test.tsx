import { act, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { describe, expect, it, vi } from 'vitest'

import { leave } from '@/api/session'
import { readColours, themedOptions } from '@/features/chart/engine/theme'
import { makePlan, OPENING, startExecution } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

vi.mock('@/features/indices/LevelChart', () => ({ default: () => null, toSeries: () => [] }))

vi.mock('@/features/chart/panels/ChartView', () => ({ ChartView: () => null }))

mockedServer()

const PATHS = [
  '/',
  '/sign-in',
  '/sign-up',
  '/indices',
  '/indices/btc-d',
  '/chart/bybit/BTCUSDT',
  '/news',
  '/positions',
  '/activity',
  '/connections',
  '/connections/new',
  '/settings',
  '/settings/risk',
  '/incidents',
  '/scripts',
  '/scripts/new',
  '/backtests',
  '/backtests/new',
  '/strategies',
  '/strategies/new',
  '/licences',
  '/going-live',
  '/there-is-no-such-page',
]

const bar = () => screen.findByRole('region', { name: 'Simulated market' })

describe('in demo mode', () => {
  it.each(PATHS)('%s says that the market is simulated', async (path) => {
    renderAt(path)
    expect((await bar()).textContent).toContain('Simulated market.')
    expect(await screen.findAllByRole('heading', { level: 1 })).toHaveLength(1)
  })

  it.each(['plans', 'executions'])('/%s say so too', async (kind) => {
    const plan = makePlan(OPENING)
    renderAt(kind === 'plans' ? `/plans/${plan.id}` : `/executions/${startExecution(plan).id}`)
    await bar()
    await screen.findByRole('list', { name: 'Steps' })
  })
})

it('says nothing of the kind in live mode', async () => {
  server.use(
    http.get('/api/system', () =>
      HttpResponse.json({
        mode: 'live',
        simulated: false,
        version: '0.1.0',
        started_at: new Date().toISOString(),
        stream_url: '/api/stream',
      }),
    ),
  )
  renderAt('/indices')
  await screen.findByRole('list', { name: 'Indices' })
  expect(screen.queryByRole('region', { name: 'Simulated market' })).toBeNull()
})

it('credits the chart of the workspace without its own logo', async () => {
  renderAt('/chart/bybit/BTCUSDT')
  const credit = await screen.findByRole<HTMLAnchorElement>('link', { name: /TradingView Lightweight Charts/ })
  expect([credit.href, credit.rel]).toEqual(['https://www.tradingview.com/', 'noopener noreferrer'])
  expect(themedOptions(readColours()).layout?.attributionLogo).toBe(false)
})

it('credits the chart and the data where they are shown', async () => {
  renderAt('/indices/btc-d')
  const chart = await screen.findByRole<HTMLAnchorElement>('link', { name: /TradingView Lightweight Charts/ })
  expect(chart.href).toBe('https://www.tradingview.com/')
  expect(screen.getByRole('link', { name: 'Data provided by CoinGecko' })).toBeTruthy()
})

it('leads a visitor to what may be looked at', async () => {
  const router = renderAt('/indices')
  await bar()
  act(() => leave())
  const pages = within(await screen.findByRole('navigation', { name: 'Main' }))
  expect(pages.getAllByRole('link').map((link) => link.textContent)).toEqual(['Indices', 'Chart', 'Scripts', 'News'])
  await userEvent.click(pages.getByRole('link', { name: 'News' }))
  await waitFor(() => expect(router.state.location.pathname).toBe('/news'))
})

it.each(['/positions/x', '/journal/12', '/executions/x/trace'])('%s is no address of anything', async (path) => {
  renderAt(path)
  expect((await screen.findByRole('heading', { level: 1 })).textContent).toBe('There is nothing here')
})

describe('keys', () => {
  it('go places, but not while somebody types', async () => {
    const user = userEvent.setup()
    const router = renderAt('/indices/btc-d')
    await user.type(await screen.findByRole('textbox', { name: 'Size' }), 'gp')
    expect(router.state.location.pathname).toBe('/indices/btc-d')
    await user.tab()
    await user.keyboard('gp')
    await waitFor(() => expect(router.state.location.pathname).toBe('/positions'))
  })

  it('open the palette, which finds pages by what they are for', async () => {
    const user = userEvent.setup()
    Element.prototype.scrollIntoView = () => undefined
    const router = renderAt('/positions')
    await bar()
    await user.keyboard('{Control>}k{/Control}')
    await user.type(await screen.findByPlaceholderText('Where to?'), 'bybit key{Enter}')
    await waitFor(() => expect(router.state.location.pathname).toBe('/connections'))
  })
})
