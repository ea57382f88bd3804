import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it } from 'vitest'

import { datasets, madeImport, resetDatasets } from '@/mocks/datasets'
import { renderAt } from '@/test/render'
import { mockedServer } from '@/test/server'

mockedServer()
beforeEach(resetDatasets)

const item = (name: string) => screen.findByRole('listitem', { name })

describe('files for the history of markets', () => {
  it('says nothing of them while there are none', async () => {
    renderAt('/data')
    await item('Hourly lab')
    expect(screen.queryByRole('heading', { name: 'Market history' })).toBeNull()
  })

  it('tells how far they are, what came of them and which rows are wrong', async () => {
    datasets.imports = [
      madeImport({ file_name: 'half.zip', state: 'writing', rows: 200, rows_done: 100 }),
      madeImport({ file_name: 'all.zip', conflicting: 3 }),
      madeImport({
        file_name: 'bad.csv',
        state: 'failed',
        error: 'Nothing.',
        rows_done: 0,
        problems: [{ row: 7, message: 'twice' }],
      }),
      madeImport({ file_name: 'part.zip', state: 'failed', rows: 200, rows_done: 100, error: 'A part.' }),
    ]
    renderAt('/data')
    const half = within(await item('half.zip')).getByRole('progressbar', { name: 'Storing' })
    expect(half.getAttribute('aria-valuenow')).toBe('50')
    expect(within(await item('all.zip')).getByText(/44,000 new bars, 640 were there already. 3 differ/)).toBeTruthy()
    expect(within(await item('all.zip')).queryByRole('button', { name: 'Remove' })).toBeNull()
    expect(within(await item('part.zip')).queryByRole('button', { name: 'Remove' })).toBeNull()
    const bad = within(await item('bad.csv'))
    expect(bad.getByRole('row', { name: '7 twice' })).toBeTruthy()
    await userEvent.setup().click(bad.getByRole('button', { name: 'Remove' }))
    await waitFor(() => expect(screen.queryByRole('listitem', { name: 'bad.csv' })).toBeNull())
  })

  it('are sent for a market instead of a name', async () => {
    const user = userEvent.setup()
    renderAt('/data')
    await item('Hourly lab')
    const file = new File(['1,1,1,1,1,1\n'], 'BTCUSDT.csv', { type: 'text/csv' })
    await user.upload(screen.getByLabelText('Choose a file'), file)
    await user.click(await screen.findByRole('radio', { name: 'Market history' }))
    expect(screen.queryByRole('textbox', { name: 'Name' })).toBeNull()
    await user.type(screen.getByRole('combobox', { name: /Market/ }), 'binance:ETHUSDT')
    await user.click(screen.getByRole('button', { name: 'Upload' }))
    const arrived = within(await item('BTCUSDT.csv'))
    expect(arrived.getByText('binance:ETHUSDT')).toBeTruthy()
    expect(arrived.getByRole('progressbar', { name: 'Comparing with the market' })).toBeTruthy()
  })
})
