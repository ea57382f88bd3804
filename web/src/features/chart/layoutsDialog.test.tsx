import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react'
import { http, HttpResponse } from 'msw'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { adopt, forget } from '@/api/session'
import { problem } from '@/mocks/answers'
import { kept } from '@/mocks/charts'
import { USER } from '@/mocks/world'
import { mockedServer, server } from '@/test/server'

import { DEFAULT_SPEC } from './engine/spec'
import { inTurn, keepWorkspace } from './layoutSync'
import LayoutsDialog from './panels/LayoutsDialog'
import { changeWorkspace, workspace } from './workspace'

mockedServer()

let leave = vi.fn()

function keepLayout(name: string, series: string, is_default = false): void {
  const rest = { id: name, name, active: 0, cells: [{ ...DEFAULT_SPEC, series }], updated_at: '2026-11-01T00:00:00Z' }
  kept.layouts.set(name, Object.assign({ version: 1, is_default }, rest))
}

beforeEach(() => {
  localStorage.clear()
  sessionStorage.clear()
  kept.layouts.clear()
  keepLayout('First', 'bybit:BTCUSDT', true)
  keepLayout('Second', 'binance:ETHUSDT')
  adopt({ access_token: 'token', expires_in: 600, user: USER })
})

afterEach(async () => {
  cleanup()
  leave()
  forget()
  await inTurn(() => Promise.resolve())
})

const opened = () => workspace.get().layout?.name
const line = (name: string) => screen.findByText(name)
const press = (name: string) => fireEvent.click(screen.getByLabelText(name))
const focused = () => document.activeElement

async function openedList() {
  leave = vi.fn(keepWorkspace())
  const onClose = vi.fn()
  render(
    <QueryClientProvider client={new QueryClient()}>
      <LayoutsDialog onClose={onClose} />
    </QueryClientProvider>,
  )
  await line('Second')
  return onClose
}

it('a layout is opened with its charts, and the list is done with', async () => {
  const onClose = await openedList()
  expect(screen.getByText('First').closest('[aria-current=true]')).toBeTruthy()
  expect(screen.getByText('Second').closest('[aria-current=true]')).toBeNull()
  fireEvent.click(screen.getByText('Second'))
  await waitFor(() => expect(onClose.mock.calls).toHaveLength(1))
  expect([opened(), workspace.get().cells[0]?.series]).toEqual(['Second', 'binance:ETHUSDT'])
})

it('a name that is missing, taken or of one too many is told beside its field', async () => {
  await openedList()
  const words = 'You keep 50 layouts already.'
  server.use(http.put('/api/charts/layouts/:id', () => problem(422, 'invalid-input', words, 'Delete one first.')))
  const opener = screen.getByText('Save as…')
  fireEvent.click(opener)
  const field = screen.getByLabelText<HTMLInputElement>('Name of the copy')
  expect(focused()).toBe(field)
  for (const [typed, fault] of [
    [' ', 'Give it a name.'],
    ['Second', 'Another layout has this name.'],
    ['Third', `${words} Delete one first.`],
  ] as const) {
    fireEvent.change(field, { target: { value: typed } })
    fireEvent.click(screen.getByText('Save'))
    expect((await screen.findByText(fault)).closest('[role=alert]')).toBeTruthy()
    expect(field.getAttribute('aria-invalid')).toBe('true')
  }
  fireEvent.click(screen.getByText('Cancel'))
  expect(focused()).toBe(opener)
})

it('a layout is renamed where it stands, and the focus goes back to its pencil', async () => {
  await openedList()
  press('Rename First')
  fireEvent.change(screen.getByLabelText('New name'), { target: { value: 'Swing' } })
  fireEvent.click(screen.getByText('Rename'))
  await waitFor(() => expect(focused()).toBe(screen.getByLabelText('Rename Swing')))
  expect(opened()).toBe('Swing')
})

it('a layout that was deleted can be had back; the last one cannot be deleted', async () => {
  await openedList()
  press('Delete First')
  const undo = await screen.findByText('Undo')
  expect(screen.getByRole('status').textContent).toContain('“First” is deleted. “Second” is open now.')
  expect(focused()).toBe(undo)
  await waitFor(() => expect(screen.queryByText('First')).toBeNull())
  expect(focused()).toBe(undo)
  expect([opened(), screen.queryByLabelText('Delete Second')]).toEqual(['Second', null])
  fireEvent.click(undo)
  await waitFor(() => expect(focused()?.textContent).toContain('First'))
  expect(opened()).toBe('First')
})

it('a server that does not answer is told of, nothing is lost, and the list comes with the next try', async () => {
  await openedList()
  act(() => changeWorkspace({ cells: [{ ...DEFAULT_SPEC, series: 'bybit:BTCUSDT', type: 'line' }] }))
  server.use(http.all('/api/charts/*', () => HttpResponse.error()))
  fireEvent.click(screen.getByText('Second'))
  const told = await screen.findByText(/Holdfast does not answer/)
  expect(told.textContent).toContain('Your charts are kept on this device')
  expect(workspace.get()).toMatchObject({ cells: [{ type: 'line' }], layout: { name: 'First' }, unsent: true })
  server.resetHandlers()
  fireEvent.click(screen.getByText('Try again'))
  await waitFor(() => expect(screen.queryByText(/does not answer/)).toBeNull())
  await waitFor(() => expect(kept.layouts.get('First')).toMatchObject({ cells: [{ type: 'line' }] }))
})

async function refusedList() {
  const onClose = await openedList()
  act(() => changeWorkspace({ cells: [{ ...DEFAULT_SPEC, series: 'bybit:SOLUSDT' }] }))
  server.use(http.put('/api/charts/layouts/First', () => problem(422, 'invalid-input', 'Too much.', 'Take less.')))
  return onClose
}

it('a layout that is refused as it is can be left without its last changes', async () => {
  const onClose = await refusedList()
  fireEvent.click(screen.getByText('Second'))
  await screen.findByText('“First” cannot be saved as it is. Too much.')
  expect(opened()).toBe('First')
  fireEvent.click(screen.getByText('Open Second without saving'))
  await waitFor(() => expect(onClose.mock.calls).toHaveLength(1))
  expect(opened()).toBe('Second')
})

it('a layout that is refused as it is can give way to a new one', async () => {
  const onClose = await refusedList()
  fireEvent.click(screen.getByText('New…'))
  fireEvent.change(screen.getByLabelText('Name of the new layout'), { target: { value: 'Third' } })
  fireEvent.click(screen.getByText('Create'))
  await screen.findByText(/“First” cannot be saved as it is/)
  fireEvent.click(screen.getByText('Create without saving'))
  await waitFor(() => expect(onClose.mock.calls).toHaveLength(1))
  expect(opened()).toBe('Third')
})
