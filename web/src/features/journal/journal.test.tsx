import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'

import { problem } from '@/mocks/answers'
import { journal, resetJournal } from '@/mocks/journal'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { lastDeleted } from './memory'

mockedServer()
beforeEach(() => {
  resetJournal()
  sessionStorage.clear()
  lastDeleted.set(null)
  URL.createObjectURL = () => 'blob:picture'
  URL.revokeObjectURL = () => undefined
})

const entry = (name: string) => screen.findByRole('article', { name })
const picture = () => new File(['x'], 'shot.png', { type: 'image/png' })
const form = () => screen.findByRole('form', { name: 'New entry' })

describe('the list', () => {
  it('tells trades of the ledger from those entered by hand', async () => {
    renderAt('/journal')
    const sold = within(await entry('Sold the failed break'))
    expect(sold.getByText('From the ledger')).toBeTruthy()
    expect(sold.getByText('+461.50')).toBeTruthy()
    expect(sold.getByText(/5 h 30 min/)).toBeTruthy()
    expect(sold.getByRole('button', { name: 'Enlarge picture 1 of Sold the failed break' })).toBeTruthy()
    expect(within(await entry('Elsewhere')).getByText('Entered by hand')).toBeTruthy()
  })

  it('shows markup as text', async () => {
    renderAt('/journal')
    const sold = await entry('Sold the failed break')
    expect(sold.textContent).toContain('<b>Waited</b>')
    expect(sold.querySelector('b')).toBeNull()
  })

  it('filters by what stands in the address, and clears it', async () => {
    const user = userEvent.setup()
    const router = renderAt('/journal')
    await user.click(within(await entry('Elsewhere')).getByRole('link', { name: '#fomo' }))
    await waitFor(() => expect(screen.getAllByRole('article')).toHaveLength(1))
    expect(router.state.location.search).toEqual({ tag: 'fomo' })
    await user.type(screen.getByRole('textbox', { name: 'Words' }), 'zebra{Enter}')
    expect(await screen.findByText('Nothing fits')).toBeTruthy()
    expect(document.activeElement).toBe(screen.getByRole('textbox', { name: 'Words' }))
    await user.click(screen.getByRole('button', { name: 'Show all entries' }))
    expect(await screen.findAllByRole('article')).toHaveLength(3)
  })

  it('brings back what was deleted', async () => {
    const user = userEvent.setup()
    renderAt('/journal')
    await user.click(within(await entry('Only a thought')).getByRole('button', { name: 'Delete Only a thought' }))
    await waitFor(() => expect(screen.queryByRole('article', { name: 'Only a thought' })).toBeNull())
    await user.click(await screen.findByRole('button', { name: 'Undo' }))
    expect(await entry('Only a thought')).toBeTruthy()
    expect(screen.queryByRole('button', { name: 'Undo' })).toBeNull()
  })

  it('says that there is nothing, or why it cannot be told', async () => {
    journal.all = []
    renderAt('/journal')
    expect(await screen.findByText('Nothing written yet')).toBeTruthy()
    cleanup()
    server.use(http.get('/api/journal/entries', () => problem(403, 'forbidden', 'Not now.', 'Wait.')))
    renderAt('/journal')
    expect(await screen.findByText('Not now.')).toBeTruthy()
  })
})

describe('writing', () => {
  it('begins with what a chart filled in', async () => {
    renderAt('/journal?new=1&series=bybit%3ABTCUSDT&time=1795255200')
    const written = within(await form())
    expect(written.getByRole<HTMLInputElement>('combobox', { name: 'Market' }).value).toBe('bybit:BTCUSDT')
    expect(written.getByLabelText<HTMLInputElement>('When (UTC)').value).toBe('2026-11-21T10:00')
  })

  it('sends everything once, with tags as they are kept and pictures pasted or chosen', async () => {
    const user = userEvent.setup()
    const router = renderAt('/journal?new=1&series=bybit%3ABTCUSDT&time=1795255200')
    const written = within(await form())
    await user.type(written.getByRole('textbox', { name: 'Title' }), 'Bought')
    await user.type(written.getByRole('combobox', { name: 'Tags' }), '#Late  Entry,plan{Enter}')
    await user.selectOptions(written.getByRole('combobox', { name: 'Mood' }), 'calm')
    await user.upload(written.getByLabelText('Add pictures'), picture())
    await written.findByRole('button', { name: 'Take picture 1 away' })
    fireEvent.paste(window, { clipboardData: { files: [picture()] } })
    await written.findByRole('button', { name: 'Take picture 2 away' })
    await user.click(written.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(router.state.location.pathname).toMatch(/^\/journal\/0/))
    expect(journal.bodies).toHaveLength(1)
    expect(journal.bodies[0]).toMatchObject({
      title: 'Bought',
      series: 'bybit:BTCUSDT',
      happened_at: '2026-11-21T10:00:00.000Z',
      tags: ['late entry', 'plan'],
      mood: 'calm',
      rating: null,
      trade: null,
    })
    expect((journal.bodies[0] as { images: string[] }).images).toHaveLength(2)
  })

  it('loses nothing when it is refused, and tries again with the same key', async () => {
    const user = userEvent.setup()
    const keys: (string | null)[] = []
    server.use(
      http.post('/api/journal/entries', ({ request }) => {
        keys.push(request.headers.get('idempotency-key'))
        return problem(422, 'invalid-input', 'series: no such series.', 'Correct it.')
      }),
    )
    renderAt('/journal?new=1')
    const written = within(await form())
    await user.click(written.getByRole('button', { name: 'Save' }))
    expect(written.getAllByText('Give it a title.')).toHaveLength(2)
    await user.type(written.getByRole('textbox', { name: 'Title' }), 'Kept')
    await user.click(written.getByRole('button', { name: 'Save' }))
    expect(await written.findByText('series: no such series.')).toBeTruthy()
    await user.click(written.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(keys).toHaveLength(2))
    expect(keys[0]).toBe(keys[1])
    expect(written.getByRole<HTMLInputElement>('textbox', { name: 'Title' }).value).toBe('Kept')
  })

  it('has the draft again after the page was left, and forgets it when it is thrown away', async () => {
    const user = userEvent.setup()
    renderAt('/journal?new=1')
    await user.type(within(await form()).getByRole('textbox', { name: 'Title' }), 'Half a')
    document.body.innerHTML = ''
    renderAt('/journal?new=1')
    expect(within(await form()).getByRole<HTMLInputElement>('textbox', { name: 'Title' }).value).toBe('Half a')
    await user.click(screen.getByRole('button', { name: 'Begin anew' }))
    expect(within(await form()).getByRole<HTMLInputElement>('textbox', { name: 'Title' }).value).toBe('')
    expect(sessionStorage).toHaveLength(0)
  })

  it('asks the ledger about chosen fills before anything is saved', async () => {
    const user = userEvent.setup()
    server.use(
      http.get('/api/fills', () =>
        HttpResponse.json({
          items: [
            {
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
            },
          ],
          next_cursor: null,
        }),
      ),
    )
    renderAt('/journal?new=1')
    const written = within(await form())
    await user.click(written.getByRole('radio', { name: 'Fills' }))
    await user.click(await written.findByRole('checkbox', { name: /Buy 0.5 BTCUSDT at 101,000.00/ }))
    expect(await written.findByText('From the ledger')).toBeTruthy()
    await user.type(written.getByRole('textbox', { name: 'Title' }), 'Tied')
    await user.click(written.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(journal.bodies).toHaveLength(1))
    expect(journal.bodies[0]).toMatchObject({ trade: { kind: 'fills', fills: ['e1'] } })
  })

  it('sends a trade entered by hand as it was typed', async () => {
    const user = userEvent.setup()
    renderAt('/journal?new=1')
    const written = within(await form())
    await user.type(written.getByRole('textbox', { name: 'Title' }), 'Elsewhere')
    await user.click(written.getByRole('radio', { name: 'By hand' }))
    await user.click(written.getByRole('radio', { name: 'Short' }))
    await user.click(written.getByRole('button', { name: 'Save' }))
    expect(written.getByText(/has a size, an entry price/)).toBeTruthy()
    await user.type(written.getByRole('textbox', { name: 'Size' }), '0,5')
    await user.type(written.getByRole('textbox', { name: 'Entry price' }), '0.000001')
    fireEvent.change(written.getByLabelText('Entry time (UTC)'), { target: { value: '2026-01-05T10:00' } })
    await user.click(written.getByRole('button', { name: 'Save' }))
    expect(written.getByText(/Size: write a number such as/)).toBeTruthy()
    await user.clear(written.getByRole('textbox', { name: 'Size' }))
    await user.type(written.getByRole('textbox', { name: 'Size' }), '1,000.5')
    await user.click(written.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(journal.bodies).toHaveLength(1))
    expect(journal.bodies[0]).toMatchObject({
      trade: {
        kind: 'hand',
        direction: 'short',
        quantity: '1000.5',
        entry_price: '0.000001',
        entry_at: '2026-01-05T10:00:00.000Z',
        exit_price: null,
        exit_at: null,
        fees: '0',
      },
    })
  })

  it('asks before it throws away what was written', async () => {
    const user = userEvent.setup()
    const router = renderAt('/journal?new=1')
    const written = within(await form())
    await user.type(written.getByRole('textbox', { name: 'Text' }), 'Long')
    await user.click(written.getByRole('button', { name: 'Throw away' }))
    await user.click(written.getByRole('button', { name: 'Keep writing' }))
    expect(written.getByRole<HTMLTextAreaElement>('textbox', { name: 'Text' }).value).toBe('Long')
    await user.click(written.getByRole('button', { name: 'Throw away' }))
    await user.click(written.getByRole('button', { name: 'Throw it away' }))
    await waitFor(() => expect(router.state.location.search).toEqual({}))
    expect(sessionStorage).toHaveLength(0)
  })

  it('saves with Ctrl+Enter, with the tag that is still being typed', async () => {
    const user = userEvent.setup()
    renderAt('/journal?new=1')
    const written = within(await form())
    await user.type(written.getByRole('textbox', { name: 'Title' }), 'Quick')
    await user.type(written.getByRole('combobox', { name: 'Tags' }), 'late{Control>}{Enter}{/Control}')
    await waitFor(() => expect(journal.bodies).toMatchObject([{ title: 'Quick', tags: ['late'] }]))
  })
})

it('goes to a title that is missing, and saves nothing by Enter among the tags', async () => {
  const user = userEvent.setup()
  const router = renderAt('/journal?new=1')
  const asked = within(await form())
  await user.type(asked.getByRole('combobox', { name: 'Tags' }), 'plan,{Enter}')
  expect(screen.queryByText('Give it a title.')).toBeNull()
  await user.click(asked.getByRole('button', { name: 'Save' }))
  expect(document.activeElement).toBe(asked.getByRole('textbox', { name: 'Title' }))
  expect(router.state.location.search).toEqual({ new: '1' })
})
