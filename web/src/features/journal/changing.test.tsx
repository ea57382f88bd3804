import { cleanup, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it } from 'vitest'

import { queryClient } from '@/api/queries'
import { journal, resetJournal } from '@/mocks/journal'
import { renderAt } from '@/test/render'
import { mockedServer } from '@/test/server'

import { entryQuery } from './queries'

mockedServer()
beforeEach(() => {
  resetJournal()
  sessionStorage.clear()
  URL.createObjectURL = () => 'blob:picture'
  URL.revokeObjectURL = () => undefined
})

function sold() {
  const [first] = journal.all
  if (!first) throw new Error('the mocked journal is empty')
  return first
}

describe('changing', () => {
  it('tells of a newer version, and saves over it when that is wanted', async () => {
    const user = userEvent.setup()
    const first = sold()
    renderAt(`/journal/${first.id}?edit=1`)
    const title = await screen.findByRole<HTMLInputElement>('textbox', { name: 'Title' })
    expect(title.value).toBe('Sold the failed break')
    first.version = 5
    await user.type(title, '!')
    await user.click(screen.getByRole('button', { name: 'Save' }))
    await user.click(await screen.findByRole('button', { name: 'Save mine all the same' }))
    expect(await screen.findByRole('heading', { level: 1, name: 'Sold the failed break!' })).toBeTruthy()
    expect(journal.bodies.map((body) => (body as { version: number }).version)).toEqual([1, 5])
  })

  it('writes over nothing that came from elsewhere while it was written', async () => {
    const user = userEvent.setup()
    const first = sold()
    renderAt(`/journal/${first.id}?edit=1`)
    await user.type(await screen.findByRole('textbox', { name: 'Title' }), '!')
    Object.assign(first, { version: 2, title: 'Theirs' })
    await queryClient.refetchQueries({ queryKey: entryQuery(first.id).queryKey })
    expect(await screen.findByRole('heading', { level: 1, name: 'Change “Theirs”' })).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Save' }))
    expect(await screen.findByText(/was changed elsewhere since you read it/)).toBeTruthy()
    expect(first.title).toBe('Theirs')
  })

  it('nor while it was left half-written', async () => {
    const user = userEvent.setup()
    const first = sold()
    renderAt(`/journal/${first.id}?edit=1`)
    await user.type(await screen.findByRole('textbox', { name: 'Title' }), '!')
    cleanup()
    Object.assign(first, { version: 2, title: 'Theirs' })
    renderAt(`/journal/${first.id}?edit=1`)
    expect(await screen.findByText(/what you had written before/)).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Save' }))
    expect(await screen.findByText(/was changed elsewhere since you read it/)).toBeTruthy()
    expect(first.title).toBe('Theirs')
  })
})
