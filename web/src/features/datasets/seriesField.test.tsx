import { QueryClientProvider } from '@tanstack/react-query'
import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { useState } from 'react'
import { beforeEach, describe, expect, it } from 'vitest'

import { queryClient } from '@/api/queries'
import { adopt } from '@/api/session'
import { datasets, resetDatasets } from '@/mocks/datasets'
import { USER } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { SeriesField } from './SeriesField'

mockedServer()

const lab = () => datasets.all.find((each) => each.name === 'Hourly lab')
const own = () => lab()?.series ?? ''

beforeEach(() => {
  resetDatasets()
  queryClient.clear()
  adopt({ access_token: 'token', expires_in: 600, user: USER })
  const found = { source: 'own', symbol: '', base: '', quote: '', kind: 'own', price_decimals: 0, volume_24h: null }
  server.use(http.get('/api/symbols', () => HttpResponse.json([{ ...found, series: own(), name: 'Hourly lab' }])))
})

/** The field, and beside it what is sent. */
function Form({ initial }: { initial: string }) {
  const [series, setSeries] = useState(initial)
  return (
    <QueryClientProvider client={queryClient}>
      <SeriesField value={series} onChange={setSeries} />
      <output>{series}</output>
    </QueryClientProvider>
  )
}

const field = () => screen.getByRole<HTMLInputElement>('combobox', { name: 'Show the signals on' })
const sent = () => screen.getByRole('status').textContent

describe('own data in a field for a series', () => {
  it('is read and listed by its name, and sent by its id', async () => {
    render(<Form initial={own()} />)
    await waitFor(() => expect(field().value).toBe('Hourly lab'))
    expect(document.querySelector('option[value="Hourly lab"]')).not.toBeNull()
    expect(document.querySelector('option[value^="own:"]')).toBeNull()
    expect(sent()).toBe(own())
  })

  it('is found by its name while that is typed', async () => {
    const user = userEvent.setup()
    render(<Form initial={own()} />)
    await waitFor(() => expect(field().value).toBe('Hourly lab'))
    await user.clear(field())
    await user.type(field(), 'hourly lab')
    expect([field().value, sent()]).toEqual(['hourly lab', own()])
    await user.type(field(), ' two')
    expect([field().value, sent()]).toEqual(['hourly lab two', 'hourly lab two'])
  })

  it('is told from other data of the same name', async () => {
    const [first] = datasets.all
    if (first) datasets.all.push({ ...first, id: 'other', series: 'own:other', created_at: '2026-11-02T10:00:00Z' })
    render(<Form initial="own:other" />)
    await waitFor(() => expect(field().value).toBe('Hourly lab, added 2026-11-02 10:00'))
  })
})

it('never shows where signals stand by an id', async () => {
  datasets.all = datasets.all.map((each) => (each.kind === 'signals' ? { ...each, series: 'own:gone' } : each))
  renderAt('/data')
  await screen.findByRole('listitem', { name: 'Breakouts' })
  expect(screen.queryByText('own:gone')).toBeNull()
})
