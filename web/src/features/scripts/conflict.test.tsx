import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { scripts } from '@/mocks/scripts'
import { EXAMPLES } from '@/mocks/scriptTexts'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { copyName } from './words'

vi.mock('./PreviewChart', () => ({ default: () => null }))
vi.mock('./editor/CodeEditor', () => ({
  default: ({ value, label, onChange }: { value: string; label: string; onChange?: (text: string) => void }) => (
    <textarea aria-label={label} value={value} onChange={(event) => onChange?.(event.target.value)} />
  ),
}))

mockedServer()
beforeEach(() => localStorage.clear())

const ID = '00000000-0000-4000-8000-00000000a001'
const SAVED = EXAMPLES[0]?.source ?? ''
const text = () => screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'Script' })

/** Version 3 came from elsewhere while this text goes on from version 2. */
async function conflict(name = 'Trend with room') {
  renderAt(`/scripts/${ID}`)
  await userEvent.type(await text(), '# mine')
  const kept = scripts.all.get(ID)
  if (kept) kept.view = { ...kept.view, name, version: 3, source: `${SAVED}# theirs\n` }
  await userEvent.click(screen.getByRole('button', { name: 'Save' }))
  return screen.findByRole('dialog', { name: 'It was saved elsewhere meanwhile' })
}

describe('a script that was saved elsewhere', () => {
  it('is shown beside what stands here, line by line', async () => {
    const dialog = await conflict()
    const lines = within(await within(dialog).findByRole('region', { name: 'What differs' }))
    const told = lines.getAllByRole('listitem').map((line) => line.textContent)
    expect(told).toContain('−Only in version 3: # theirs')
    expect(told).toContain('+Only in yours: # mine')
    expect(told.length).toBeLessThan(SAVED.split('\n').length)
    expect(dialog.textContent).toContain('The other is version 3, saved')
    expect(dialog.textContent).not.toContain('and is called')
  })

  it('says that it has another name', async () => {
    const dialog = await conflict('Trend, renamed')
    expect(dialog.textContent).toContain('and is called “Trend, renamed”')
  })

  it('takes the place of what stands here, which is kept as a script of its own', async () => {
    const dialog = await conflict()
    await userEvent.click(within(dialog).getByRole('button', { name: 'Save mine as a new script' }))
    await waitFor(async () => expect((await text()).value).toContain('# theirs'))
    expect(screen.queryByRole('dialog')).toBeNull()
    expect(screen.getByText('Version 3')).toBeTruthy()
    const made = [...scripts.all.values()].find(({ view }) => view.name === 'Trend with room (mine)')
    expect(made?.view.source).toBe(`${SAVED}# mine`)
  })

  it('does not take that place when the copy could not be kept', async () => {
    const dialog = await conflict()
    server.use(http.post('/api/scripts', () => HttpResponse.error()))
    await userEvent.click(within(dialog).getByRole('button', { name: 'Save mine as a new script' }))
    expect((await within(dialog).findByRole('alert')).textContent).toContain('Holdfast does not answer.')
    await userEvent.click(within(dialog).getByRole('button', { name: 'Decide later' }))
    expect((await text()).value).toContain('# mine')
  })

  it('can be taken, which says how to go back', async () => {
    const dialog = await conflict()
    await userEvent.click(within(dialog).getByRole('button', { name: 'Take version 3' }))
    expect((await text()).value).toBe(`${SAVED}# theirs\n`)
    expect((await screen.findAllByText(/Undo in the editor brings yours back/)).length).toBeGreaterThan(0)
  })

  it('can wait, with what stands here kept', async () => {
    const dialog = await conflict()
    await userEvent.click(within(dialog).getByRole('button', { name: 'Decide later' }))
    expect((await text()).value).toContain('# mine')
    expect(screen.getByText('Unsaved changes')).toBeTruthy()
  })
})

it('a copy has a name that may be', () => {
  expect(copyName(' Trend ')).toBe('Trend (mine)')
  expect(copyName('')).toBe('My script (mine)')
  expect(copyName('x'.repeat(80))).toHaveLength(80)
})
