import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'

import { problem } from '@/mocks/answers'
import { datasets, resetDatasets } from '@/mocks/datasets'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { kindOf } from './upload'

mockedServer()
beforeEach(resetDatasets)

const item = (name: string) => screen.findByRole('listitem', { name })
const file = (text: string, name = 'mine.csv') => new File([text], name, { type: 'text/csv' })

describe('your data', () => {
  it('lists what there is, and which rows of a refused file are wrong', async () => {
    renderAt('/data')
    const hours = await item('Hourly lab')
    expect(within(hours).getByText('17,520')).toBeTruthy()
    expect(within(hours).getByText('2023-12-31 23:00')).toBeTruthy()
    const link = within(hours).getByRole<HTMLAnchorElement>('link', { name: 'Open in chart' })
    expect(link.getAttribute('href')).toBe('/chart/own/00000000-0000-4000-8000-0000000000d1?tf=1h')
    const table = await screen.findByRole('table', { name: 'Wrong rows of Old export' })
    expect(within(table).getByRole('row', { name: "1,002 'n/a' is no number" })).toBeTruthy()
    expect(within(await item('Old export')).queryByRole('link', { name: 'Open in chart' })).toBeNull()
  })

  it('says that there is nothing, or why it cannot be told', async () => {
    datasets.all = []
    renderAt('/data')
    expect(await screen.findByText('Nothing here yet')).toBeTruthy()
    server.use(http.get('/api/datasets', () => problem(403, 'forbidden', 'Not now.', 'Wait.')))
    renderAt('/data')
    expect(await screen.findByText('Not now.')).toBeTruthy()
  })

  it('sends a chosen file and shows that it is being checked', async () => {
    const user = userEvent.setup()
    renderAt('/data')
    await item('Hourly lab')
    await user.upload(screen.getByLabelText('Choose a file'), file('timestamp,open,high,low,close,volume\n'))
    expect((await screen.findByRole<HTMLInputElement>('textbox', { name: 'Name' })).value).toBe('mine')
    await user.click(screen.getByRole('button', { name: 'Upload' }))
    expect(within(await item('mine')).getByRole('progressbar', { name: 'Checking rows' })).toBeTruthy()
  })

  it('deletes only when it is confirmed', async () => {
    const user = userEvent.setup()
    renderAt('/data')
    await user.click(within(await item('Hourly lab')).getByRole('button', { name: 'Delete' }))
    const dialog = await screen.findByRole('dialog', { name: 'Delete “Hourly lab”?' })
    expect(within(dialog).getByText(/17,520 rows are deleted for good/)).toBeTruthy()
    expect(datasets.all).toHaveLength(3)
    await user.click(within(dialog).getByRole('button', { name: 'Delete' }))
    await waitFor(() => expect(screen.queryByRole('listitem', { name: 'Hourly lab' })).toBeNull())
  })

  it('renames', async () => {
    const user = userEvent.setup()
    renderAt('/data')
    await user.click(within(await item('Hourly lab')).getByRole('button', { name: 'Rename' }))
    const input = await screen.findByRole('textbox', { name: 'Name' })
    await user.clear(input)
    await user.type(input, 'Other')
    await user.click(screen.getByRole('button', { name: 'Save' }))
    expect(await item('Other')).toBeTruthy()
  })
})

it.each([
  ['Timestamp,"Type",price\n', 'signals'],
  ['timestamp,open,high,low,close,volume\n', 'bars'],
  ['1700000000,1,1,1,1,1', 'bars'],
])('takes %s for %s', async (head, kind) => {
  expect(await kindOf(file(head))).toBe(kind)
})
