import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { useEffect } from 'react'
import { beforeEach, expect, it, vi } from 'vitest'

import { createStore } from '@/lib/store'
import { horizontalLine } from '@/test/drawings'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { DrawingLayer } from './drawings/DrawingLayer'
import type { ChartEngine } from './engine/ChartEngine'

/** A chart without bars, as far as its tools need one. */
function makeEngine() {
  const state = createStore({ backfill: null, gaps: [], decimals: 2 })
  const drawings = new DrawingLayer(
    {} as never,
    { state } as never,
    { attach: () => undefined } as never,
    () => ({}) as never,
    () => undefined,
  )
  return { drawings, feed: { state }, replay: { state: createStore({ active: false }) } }
}

let engine: ReturnType<typeof makeEngine>

vi.mock('./panels/ChartView', () => ({
  ChartView: ({ onEngine }: { onEngine: (made: ChartEngine | null) => void }) => {
    useEffect(() => onEngine(engine as never), [onEngine])
    return null
  },
}))
mockedServer()

beforeEach(() => {
  engine = makeEngine()
  server.use(http.get('/api/charts/layouts', () => HttpResponse.json([])))
  vi.restoreAllMocks()
})

const pressed = (name: string) => screen.getByRole('button', { name }).getAttribute('aria-pressed')
it('Escape puts down the tool that was picked with the mouse, and only then leaves the full screen', async () => {
  const user = userEvent.setup()
  renderAt('/chart/bybit/BTCUSDT')
  await user.click(await screen.findByRole('button', { name: 'Full screen' }))
  await user.click(await screen.findByRole('button', { name: 'Trend line' }))
  expect(pressed('Trend line')).toBe('true')
  await user.keyboard('{Escape}')
  expect(pressed('Trend line')).toBe('false')
  await user.keyboard('{Escape}')
  expect(screen.getByRole('button', { name: 'Full screen' })).toBeTruthy()
})

it('a phone undoes, does again and deletes all drawings, where there is something of each', async () => {
  const user = userEvent.setup()
  vi.spyOn(window, 'matchMedia').mockImplementation(
    (media) => Object.assign(new EventTarget(), { matches: true, media, onchange: null }) as never,
  )
  renderAt('/chart/bybit/BTCUSDT')
  await screen.findByRole('combobox', { name: 'Draw' })
  expect(screen.queryByRole('button', { name: 'Undo' })).toBeNull()
  engine.drawings.store.add(horizontalLine('a'))
  engine.drawings.store.add(horizontalLine('b'))
  const count = () => engine.drawings.store.drawings.get().length
  await user.click(await screen.findByRole('button', { name: 'Undo' }))
  expect(count()).toBe(1)
  await user.click(screen.getByRole('button', { name: 'Redo' }))
  expect(count()).toBe(2)
  await user.click(screen.getByRole('button', { name: 'Delete all drawings' }))
  expect(count()).toBe(0)
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Delete all drawings' }).disabled).toBe(true)
})

it('searches for all that is typed, from the first letter on', async () => {
  server.use(http.get('/api/symbols', () => HttpResponse.json([])))
  const user = userEvent.setup()
  renderAt('/chart/bybit/BTCUSDT')
  await screen.findByRole('button', { name: 'Full screen' })
  await user.keyboard('et')
  const field = await screen.findByPlaceholderText('Find a market')
  await user.keyboard('h')
  expect(field).toHaveProperty('value', 'eth')
})
