import { screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { describe, expect, it, vi } from 'vitest'

import { makeStatistics } from '@/mocks/journal'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

vi.mock('@/features/indices/LevelChart', () => ({ default: () => null, toSeries: () => [] }))

mockedServer()

describe('figures', () => {
  it('shows how trades went, altogether and compared', async () => {
    const user = userEvent.setup()
    const router = renderAt('/journal?show=figures')
    const table = await screen.findByRole('table', { name: 'Figures by tag' })
    expect(within(table).getByRole('row', { name: /fomo 1 0% .*101\.00/ })).toBeTruthy()
    expect(screen.getByText('3 won, 1 lost')).toBeTruthy()
    expect(screen.getByText(/2 of these were entered by hand. 1 still open: not counted yet./)).toBeTruthy()
    expect(screen.getByRole('link', { name: /TradingView/ })).toBeTruthy()
    await user.click(screen.getByRole('radio', { name: 'Weekday' }))
    const compared = await screen.findByRole('table', { name: 'Figures by weekday' })
    expect(within(compared).getByRole('row', { name: /Monday/ })).toBeTruthy()
    expect(router.state.location.search).toEqual({ show: 'figures', by: 'weekday' })
  })

  it('says what is missing while no trade is closed', async () => {
    const none = { trades: 0, won: 0, lost: 0, win_rate: null, total: '0', average: null }
    const overall = { ...makeStatistics().overall, ...none }
    server.use(
      http.get('/api/journal/statistics', () => HttpResponse.json(makeStatistics({ overall, groups: [], curve: [] }))),
    )
    renderAt('/journal?show=figures')
    expect(await screen.findByText(/still open. They count as soon as they are closed/)).toBeTruthy()
  })
})
