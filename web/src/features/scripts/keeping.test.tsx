import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { adopt, forget, leave } from '@/api/session'
import { scripts } from '@/mocks/scripts'
import { EXAMPLES } from '@/mocks/scriptTexts'
import { USER } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { keepDraft, readDraft } from './drafts'
import { ScriptInputs } from './ScriptInputs'

vi.mock('./PreviewChart', () => ({ default: () => null }))
vi.mock('./editor/CodeEditor', () => ({
  default: ({ value, label, onChange }: { value: string; label: string; onChange?: (text: string) => void }) => (
    <textarea aria-label={label} value={value} onChange={(event) => onChange?.(event.target.value)} />
  ),
}))

mockedServer()
beforeEach(() => localStorage.clear())

const ID = '00000000-0000-4000-8000-00000000a001'
const TREND = `/scripts/${ID}`
const SAVED = EXAMPLES[0]?.source ?? ''
const text = () => screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'Script' })
const write = async (value: string) => fireEvent.change(await text(), { target: { value } })
const kept = () => readDraft(USER.id, ID)
const KEPT = /^Unsaved changes from\s+were kept\.$/

describe('what was not saved', () => {
  it('stands in the editor when the page comes back, until it is discarded', async () => {
    renderAt(TREND)
    await write('mine')
    await waitFor(() => expect(kept()?.source, 'without leaving').toBe('mine'))
    cleanup()
    renderAt(TREND)
    expect((await text()).value).toBe('mine')
    expect(screen.getByText(KEPT).textContent).toMatch(/from \d\d:\d\d were/)
    await userEvent.click(screen.getByRole('button', { name: 'Discard' }))
    expect((await text()).value).toBe(SAVED)
    expect(screen.queryByText(KEPT)).toBeNull()
    expect(kept()).toBeNull()
  })

  it('is kept at once when the page is closed', async () => {
    renderAt(TREND)
    await write('mine')
    expect(kept()).toBeNull()
    window.dispatchEvent(new Event('pagehide'))
    expect(kept()?.source).toBe('mine')
  })

  it('of a new script is kept too, and goes once it is saved', async () => {
    renderAt('/scripts/new?example=rsi')
    await write('script("New")')
    cleanup()
    renderAt('/scripts/new?example=rsi')
    expect((await text()).value).toBe('script("New")')
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    expect(await screen.findByText('Version 1')).toBeTruthy()
    expect(screen.queryByText(KEPT)).toBeNull()
    expect(Object.keys(localStorage).filter((key) => key.includes('script-draft'))).toEqual([])
  })

  it('goes when it is left on purpose, and with its script', async () => {
    renderAt(TREND)
    await write('mine')
    await waitFor(() => expect(kept()).not.toBeNull())
    await userEvent.click(screen.getByRole('link', { name: 'All scripts' }))
    await userEvent.click(await screen.findByRole('button', { name: 'Leave without saving' }))
    await screen.findByRole('list', { name: 'Scripts' })
    expect(kept()).toBeNull()
    cleanup()
    renderAt(TREND)
    await write('mine')
    await userEvent.click(screen.getByRole('button', { name: 'Delete' }))
    const dialog = await screen.findByRole('dialog')
    await userEvent.click(within(dialog).getByRole('button', { name: 'Delete' }))
    await waitFor(() => expect(scripts.all.has(ID)).toBe(false))
    await screen.findByRole('list', { name: 'Scripts' })
    expect(kept()).toBeNull()
  })

  it('survives the end of a session, for its user alone', async () => {
    const router = renderAt('/scripts/new')
    await write('anns')
    act(() => forget())
    await act(() => router.invalidate())
    await waitFor(() => expect(router.state.location.pathname).toBe('/sign-in'))
    act(() => adopt({ access_token: 'b', expires_in: 600, user: { ...USER, id: 'bob' } }))
    await act(() => router.navigate({ to: '/scripts/$scriptId', params: { scriptId: 'new' } }))
    expect((await text()).value).not.toBe('anns')
    cleanup()
    renderAt('/scripts/new')
    expect((await text()).value).toBe('anns')
  })

  it('is never shown to who takes over the page', async () => {
    renderAt('/scripts/new')
    await write('anns')
    act(() => adopt({ access_token: 'b', expires_in: 600, user: { ...USER, id: 'bob' } }))
    expect((await text()).value).not.toBe('anns')
    expect(readDraft(USER.id, 'new')?.source).toBe('anns')
    expect(readDraft('bob', 'new')).toBeNull()
  })

  it('is not written by a page that is still there after signing out', async () => {
    renderAt(TREND)
    await write('mine')
    act(() => leave())
    cleanup()
    expect(kept()).toBeNull()
  })

  it('is told from what was saved elsewhere since, and asks before it is saved over it', async () => {
    keepDraft(USER.id, ID, { name: 'Trend with room', source: 'mine', version: 1, at: new Date().toISOString() })
    renderAt(TREND)
    expect(await screen.findByText(/were kept\. Version 2 was saved since\./)).toBeTruthy()
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    await userEvent.click(await screen.findByRole('button', { name: 'Save mine as version 3' }))
    expect(await screen.findByText('Version 3')).toBeTruthy()
    expect([(await text()).value, kept()]).toEqual(['mine', null])
  })
})

describe('saving', () => {
  it('comes before a back-test or a run on paper of what is not saved', async () => {
    const router = renderAt(TREND)
    expect((await screen.findByRole('link', { name: 'Back-test' })).getAttribute('href')).toContain('/backtests/new')
    await write('script("Changed")')
    expect(screen.queryByRole('link', { name: 'Run on paper' })).toBeNull()
    await userEvent.click(screen.getByRole('button', { name: 'Save and run on paper' }))
    await waitFor(() => expect(router.state.location.pathname).toBe('/strategies/new'))
    expect(scripts.all.get(ID)?.view).toMatchObject({ version: 3, source: 'script("Changed")' })
    expect(await screen.findByText(/^Version 3, the newest/)).toBeTruthy()
  })

  it('stays here where it is refused', async () => {
    server.use(http.put('/api/scripts/:id', () => HttpResponse.error()))
    const router = renderAt(TREND)
    await write('mine')
    await userEvent.click(screen.getByRole('button', { name: 'Save and back-test' }))
    await screen.findByText('Holdfast does not answer.')
    expect([router.state.location.pathname, (await text()).value]).toEqual([TREND, 'mine'])
  })

  it('loses nothing that is typed meanwhile', async () => {
    let answer = () => {}
    const asked = new Promise<void>((resolve) => (answer = resolve))
    server.use(http.put('/api/scripts/:id', async () => void (await asked)))
    renderAt(TREND)
    await write('first')
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    await screen.findByText('Saving …')
    await write('first and more')
    answer()
    await screen.findByText('Unsaved changes')
    expect(scripts.all.get(ID)?.view.source).toBe('first')
    expect((await text()).value).toBe('first and more')
  })

  it('by key works with Caps Lock, and not without a name', async () => {
    const sent = vi.fn()
    server.use(http.put('/api/scripts/:id', () => void sent()))
    renderAt(TREND)
    const name = await screen.findByRole('textbox', { name: 'Name of the script' })
    await userEvent.clear(name)
    await userEvent.keyboard('{Control>}s{/Control}')
    expect(screen.getByRole('button', { name: 'Save and back-test' })).toHaveProperty('disabled', true)
    await userEvent.type(name, 'Named')
    expect(sent).not.toHaveBeenCalled()
    await userEvent.keyboard('{Control>}S{/Control}')
    await waitFor(() => expect(sent).toHaveBeenCalledOnce())
  })

  it('says in the question about another version why it failed', async () => {
    renderAt(TREND)
    await write('mine')
    const other = scripts.all.get(ID)
    if (other) other.view = { ...other.view, version: 3, source: 'theirs' }
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    const dialog = await screen.findByRole('dialog')
    expect(within(dialog).queryByRole('alert')).toBeNull()
    server.use(http.put('/api/scripts/:id', () => HttpResponse.error()))
    await userEvent.click(within(dialog).getByRole('button', { name: 'Save mine as version 4' }))
    expect((await within(dialog).findByRole('alert')).textContent).toContain('Holdfast does not answer.')
  })
})

describe('a version that was never searched', () => {
  beforeEach(() => {
    const found = scripts.all.get(ID)
    if (found) found.view = { ...found.view, findings: { ...found.view.findings, state: 'unchecked', runs: 0 } }
  })

  it('says so, what to do, and can be saved once more', async () => {
    renderAt(TREND)
    const note = await screen.findByRole('note')
    expect(note.textContent).toMatch(/^Warning: It was not searched for values from the future.*Check it on a market/)
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    expect(await screen.findByText(/No value was seen to come from the future/)).toBeTruthy()
    expect(screen.getByRole('button', { name: 'Save' })).toHaveProperty('disabled', true)
  })

  it('is marked in the list', async () => {
    renderAt('/scripts')
    const list = await screen.findByRole('list', { name: 'Scripts' })
    expect(within(list).getAllByRole('listitem')[0]?.textContent).toContain('Not searched')
  })
})

it('is not said to look ahead where it only is not the same twice', async () => {
  const found = scripts.all.get(ID)
  const random = { kind: 'random' as const, output: 'Mean', time: null, text: 'The Mean is different each time.' }
  if (found) found.view = { ...found.view, findings: { ...found.view.findings, state: 'suspect', findings: [random] } }
  renderAt('/scripts')
  const list = await screen.findByRole('list', { name: 'Scripts' })
  expect(within(list).getAllByRole('listitem')[0]?.textContent).toContain('Not the same twice')
  cleanup()
  renderAt(TREND)
  expect((await screen.findByRole('alert')).textContent).toContain('one of many')
})

it('explains a choice like any other input', () => {
  const input = { name: 'side', label: 'Side', kind: 'choice', default: 'long', options: ['long', 'short'] } as const
  const choice = { ...input, options: [...input.options], help: 'Which way.' }
  render(<ScriptInputs inputs={[choice]} typed={{ side: 'long' }} onChange={vi.fn()} />)
  const described = screen.getByRole('combobox', { name: 'Side' }).getAttribute('aria-describedby')
  expect(document.getElementById(described ?? '')?.textContent).toBe('Which way.')
})

it('says that restoring a version takes the place of what is not saved', async () => {
  renderAt(TREND)
  await write('mine')
  await userEvent.click(screen.getByRole('radio', { name: 'Versions' }))
  await userEvent.click(await screen.findByRole('button', { name: 'Restore version 1' }))
  expect((await screen.findAllByText(/Undo in the editor brings back what was not saved/)).length).toBeGreaterThan(0)
})
