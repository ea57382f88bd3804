import { cleanup, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'

import { datasets } from '@/mocks/datasets'
import { journal, makeEntry, makeStatistics, makeTrade, resetJournal } from '@/mocks/journal'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

mockedServer()
beforeEach(resetJournal)

const own = () => datasets.all.find((each) => each.name === 'Hourly lab')?.series ?? ''

describe('what entries are about', () => {
  it('is called by its name, own data and indices too', async () => {
    journal.all = [makeEntry(1, { series: own() }), makeEntry(2, { series: 'index:btc-d' })]
    renderAt('/journal')
    expect(await screen.findByRole('link', { name: 'Hourly lab' })).toBeTruthy()
    expect(screen.getByRole('link', { name: 'BTC.D' })).toBeTruthy()
  })

  it('is called so in its trade and among the figures', async () => {
    const id = own().slice('own:'.length)
    const trade = makeTrade({ kind: 'hand', series: own(), name: id, legs: [] })
    journal.all = [makeEntry(1, { trade })]
    renderAt('/journal')
    expect(await screen.findByText('Short Hourly lab')).toBeTruthy()
    cleanup()
    const { overall } = makeStatistics()
    const groups = [{ ...overall, key: own(), label: id }]
    server.use(http.get('/api/journal/statistics', () => HttpResponse.json(makeStatistics({ by: 'symbol', groups }))))
    renderAt('/journal?show=figures&by=symbol')
    expect(await screen.findByRole('row', { name: /^Hourly lab/ })).toBeTruthy()
  })

  it('is filtered by that name', async () => {
    const user = userEvent.setup()
    const asked: (string | null)[] = []
    server.use(
      http.get('/api/journal/labels', () =>
        HttpResponse.json({ tags: [], setups: [], series: [{ name: own(), entries: 1 }] }),
      ),
      http.get('/api/journal/entries', ({ request }) => {
        asked.push(new URL(request.url).searchParams.get('symbol'))
        return HttpResponse.json({ items: [], next_cursor: null })
      }),
    )
    renderAt('/journal')
    const symbol = await screen.findByRole<HTMLInputElement>('combobox', { name: 'Symbol' })
    await waitFor(() => expect(document.querySelector('option[value="Hourly lab"]')).not.toBeNull())
    await user.type(symbol, 'hourly lab{Enter}')
    await waitFor(() => expect(asked.at(-1)).toBe(own().slice('own:'.length)))
    await waitFor(() => expect(symbol.value).toBe('Hourly lab'))
  })
})

it('deletes again what was brought back, with a key of its own', async () => {
  const user = userEvent.setup()
  const keys: (string | null)[] = []
  server.use(
    http.delete('/api/journal/entries/:id', ({ request }) => {
      keys.push(request.headers.get('idempotency-key'))
      return new HttpResponse(null, { status: 204 })
    }),
  )
  renderAt('/journal')
  const remove = await screen.findByRole('button', { name: 'Delete Only a thought' })
  await user.click(remove)
  await screen.findByRole('button', { name: 'Undo' })
  await user.click(remove)
  await waitFor(() => expect(keys).toHaveLength(2))
  expect(keys[0]).not.toBe(keys[1])
})

it('tells of chosen fills that the market chosen later leaves out of the list', async () => {
  const user = userEvent.setup()
  const fill = {
    exec_id: 'e1',
    position_id: null,
    index_name: '',
    symbol: 'BTCUSDT',
    side: 'buy',
    exec_type: 'Trade',
    quantity: '0.5',
    price: '101000',
    value: '50500',
    fee: '1',
    fee_asset: 'USDT',
    by_hand: true,
    executed_at: '2026-11-02T10:00:00Z',
  }
  server.use(
    http.get('/api/fills', ({ request }) => {
      const symbol = new URL(request.url).searchParams.get('symbol')
      return HttpResponse.json({ items: symbol && symbol !== 'BTCUSDT' ? [] : [fill], next_cursor: null })
    }),
  )
  renderAt('/journal?new=1')
  const written = within(await screen.findByRole('form', { name: 'New entry' }))
  await user.click(written.getByRole('radio', { name: 'Fills' }))
  await user.click(await written.findByRole('checkbox', { name: /Buy 0.5 BTCUSDT/ }))
  await user.type(written.getByRole('combobox', { name: 'Market' }), 'bybit:ETHUSDT')
  expect(await written.findByText(/You have no fills of ETHUSDT yet/)).toBeTruthy()
  await user.click(await written.findByRole('button', { name: 'Take it away' }))
  expect(written.queryByText(/not in this list/)).toBeNull()
})
