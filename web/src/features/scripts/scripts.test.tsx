import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { describe, expect, it, vi } from 'vitest'

import { queryClient } from '@/api/queries'
import { leave } from '@/api/session'
import { scripts } from '@/mocks/scripts'
import { EXAMPLES } from '@/mocks/scriptTexts'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

vi.mock('./PreviewChart', () => ({ default: () => null }))
interface Editor {
  value: string
  label: string
  onChange?: (text: string) => void
  fault?: { line: number } | null
}

vi.mock('./editor/CodeEditor', () => ({
  default: ({ value, label, onChange, fault }: Editor) => (
    <>
      <textarea aria-label={label} value={value} onChange={(event) => onChange?.(event.target.value)} />
      {fault && <p>at line {fault.line}</p>}
    </>
  ),
}))

mockedServer()

const TREND = '/scripts/00000000-0000-4000-8000-00000000a001'
const text = () => screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'Script' })

describe('the list', () => {
  it('names the scripts, and says which do not run and which look ahead', async () => {
    renderAt('/scripts')
    const rows = within(await screen.findByRole('list', { name: 'Scripts' })).getAllByRole('listitem')
    expect(rows.map((row) => within(row).getByRole('link').textContent)).toEqual([
      'Trend with room',
      'Looks too far',
      'Not finished',
    ])
    expect(rows[1]?.textContent).toContain('Looks into the future')
    expect(rows[2]?.textContent).toContain('Does not run')
  })

  it('invites to write the first one', async () => {
    scripts.all.clear()
    renderAt('/scripts')
    expect(await screen.findByText('Write an indicator of your own')).toBeTruthy()
    expect(await screen.findByRole('list', { name: 'Examples' })).toBeTruthy()
  })

  it('invites whoever is not signed in', async () => {
    const router = renderAt('/licences')
    leave()
    void router.navigate({ to: '/scripts' })
    expect(await screen.findByRole('link', { name: 'Sign in to write one' })).toBeTruthy()
  })
})

describe('a new script', () => {
  it('begins as an example, is tried by itself, and goes on under its own address once it is saved', async () => {
    const router = renderAt('/scripts')
    await userEvent.click(await screen.findByRole('link', { name: 'RSI reversal' }))
    expect((await text()).value).toBe(EXAMPLES[1]?.source)
    expect(await screen.findByText(/No value was seen to come from the future/)).toBeTruthy()
    await userEvent.type(await text(), '# mine')
    await userEvent.keyboard('{Control>}{Enter}{/Control}')
    expect(await screen.findByText('31 up, 30 down')).toBeTruthy()
    await userEvent.keyboard('{Control>}s{/Control}')
    await waitFor(() => expect(router.state.location.pathname).toMatch(/scripts\/[0-9a-f-]{36}$/))
    expect(await screen.findByText('Version 1')).toBeTruthy()
    expect(screen.getByText('31 up, 30 down'), 'what was tried stays').toBeTruthy()
    expect((await text()).value).toContain('# mine')
    expect([...scripts.all.values()][0]?.view.name).toBe('RSI reversal')
  })
})

describe('a script', () => {
  it('says at which line it fails', async () => {
    renderAt(TREND)
    await userEvent.type(await text(), 'oops')
    await userEvent.keyboard('{Control>}{Enter}{/Control}')
    const line = String(EXAMPLES[0]?.source.split('\n').length)
    expect(await screen.findByText(`at line ${line}`)).toBeTruthy()
    expect((await screen.findByRole('alert')).textContent).toContain(`Line ${line}: There is no “oops” here.`)
  })

  it('asks before changes are left behind', async () => {
    const router = renderAt(TREND)
    await userEvent.type(await text(), '#')
    await userEvent.click(screen.getByRole('link', { name: 'All scripts' }))
    const dialog = await screen.findByRole('dialog', { name: 'Leave without saving?' })
    await userEvent.click(within(dialog).getByRole('button', { name: 'Stay' }))
    expect(router.state.location.pathname).toBe(TREND)
    await userEvent.click(screen.getByRole('link', { name: 'All scripts' }))
    await userEvent.click(await screen.findByRole('button', { name: 'Leave without saving' }))
    await waitFor(() => expect(router.state.location.pathname).toBe('/scripts'))
  })

  it('saved elsewhere meanwhile can be saved on top of it', async () => {
    renderAt(TREND)
    await userEvent.type(await text(), '# mine')
    const kept = scripts.all.get(TREND.split('/')[2] ?? '')
    if (kept) kept.view = { ...kept.view, version: 3, source: 'theirs' }
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    await userEvent.click(await screen.findByRole('button', { name: 'Save mine as version 4' }))
    expect(await screen.findByText('Version 4')).toBeTruthy()
    expect((await text()).value).toContain('# mine')
  })

  it('takes up an older version, not saved until it is', async () => {
    renderAt(TREND)
    await text()
    await userEvent.click(screen.getByRole('radio', { name: 'Versions' }))
    await userEvent.click(await screen.findByRole('button', { name: 'Restore version 1' }))
    await waitFor(async () => expect((await text()).value).toContain('"Length", 14'))
    expect(screen.getByText('Unsaved changes')).toBeTruthy()
  })

  it('keeps one key for all tries to save the same', async () => {
    const keys: (string | null)[] = []
    server.use(
      http.put('/api/scripts/:id', ({ request }) => {
        keys.push(request.headers.get('idempotency-key'))
        return keys.length < 3 ? HttpResponse.error() : undefined
      }),
    )
    renderAt(TREND)
    await userEvent.type(await text(), '#')
    for (const tries of [1, 2]) {
      await userEvent.click(screen.getByRole('button', { name: 'Save' }))
      await waitFor(() => expect(keys).toHaveLength(tries))
      await screen.findByText('Holdfast does not answer.')
    }
    await userEvent.type(await text(), '#')
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(keys).toHaveLength(3))
    expect([keys[0] === keys[1], keys[1] === keys[2]]).toEqual([true, false])
  })

  it('is saved once where it cannot be read after it', async () => {
    const keys: (string | null)[] = []
    let isAway = false
    server.use(
      http.put('/api/scripts/:id', ({ request }) => {
        keys.push(request.headers.get('idempotency-key'))
        isAway = keys.length === 1
        return keys.length === 1
          ? undefined
          : HttpResponse.json({ ...scripts.all.get(TREND.split('/')[2] ?? '')?.view })
      }),
      http.get('/api/scripts/:id', () => (isAway ? HttpResponse.json({ status: 503 }, { status: 503 }) : undefined)),
    )
    renderAt(TREND)
    await userEvent.type(await text(), '#')
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    expect(await screen.findByText(/It is saved, but cannot be read/)).toBeTruthy()
    await userEvent.click(screen.getByRole('button', { name: 'Save' }))
    expect(await screen.findByText('Saved as version 3.')).toBeTruthy()
    expect(keys[0]).toBe(keys[1])
  })

  it('is deleted after a question', async () => {
    const router = renderAt(TREND)
    await userEvent.click(await screen.findByRole('button', { name: 'Delete' }))
    const dialog = await screen.findByRole('dialog', { name: 'Delete “Trend with room”?' })
    await userEvent.click(within(dialog).getByRole('button', { name: 'Delete' }))
    await waitFor(() => expect(router.state.location.pathname).toBe('/scripts'))
    expect(scripts.all.size).toBe(2)
    expect(queryClient.getQueryData(['scripts', TREND.split('/')[2]])).toBeUndefined()
  })
})
