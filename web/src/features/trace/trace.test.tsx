import { screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { describe, expect, it, vi } from 'vitest'

import { makePlan, OPENING, startExecution } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer } from '@/test/server'

import { placeOf, spanOf, wholeOf } from './lines'
import type { Item } from './queries'

mockedServer()
vi.mock('@/features/indices/LevelChart', () => ({ default: () => null, toSeries: () => [] }))

const item = (own: Partial<Item>): Item => ({
  at: '2026-11-21T10:00:00Z',
  after_ms: 0,
  kind: 'event',
  title: '',
  order_id: null,
  symbol: '',
  took_ms: null,
  detail: {},
  ...own,
})

describe('bars', () => {
  it('end where an answer arrived, and begin where a request was sent', () => {
    expect(spanOf(item({ kind: 'answer', after_ms: 150, took_ms: 50 }))).toEqual({ from: 100, to: 150 })
    expect(spanOf(item({ kind: 'request', after_ms: 100, took_ms: 50 }))).toEqual({ from: 100, to: 150 })
  })

  it('share the length of the whole', () => {
    const items = [item({}), item({ kind: 'answer', after_ms: 200, took_ms: 100 })]
    const whole = wholeOf(items)
    expect(whole).toEqual({ from: 0, to: 200 })
    expect(placeOf({ from: 100, to: 200 }, whole)).toEqual({ left: 0.5, width: 0.5 })
  })
})

describe('the timeline', () => {
  function start() {
    const plan = makePlan(OPENING)
    return startExecution(plan)
  }

  it('is filtered by kind and instrument, in the address', async () => {
    const user = userEvent.setup()
    const router = renderAt(`/executions/${start().id}/trace`)
    const rows = async () => within(await screen.findByRole('list', { name: 'Timeline' })).getAllByRole('listitem')
    const all = (await rows()).length
    await user.click(screen.getByRole('radio', { name: 'Requests' }))
    expect(await rows()).toHaveLength(22)
    expect(all).toBeGreaterThan(50)
    await user.selectOptions(screen.getByRole('combobox', { name: 'Instrument' }), 'XRPUSDT')
    expect(await rows()).toHaveLength(2)
    expect(router.state.location.search).toEqual({ show: 'requests', symbol: 'XRPUSDT' })
  })

  it('opens a row for who wants to know exactly, and can be copied', async () => {
    const user = userEvent.setup()
    const execution = start()
    renderAt(`/executions/${execution.id}/trace?show=requests&symbol=XRPUSDT`)
    await user.click(await screen.findByText('No clear answer. The connection was closed.'))
    expect(screen.getByText('silent')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Copy as JSON' }))
    const copied = JSON.parse(await navigator.clipboard.readText()) as { execution: { id: string } }
    expect(copied.execution.id).toBe(execution.id)
  })

  it('is one press from the execution', async () => {
    const user = userEvent.setup()
    const execution = start()
    const router = renderAt(`/executions/${execution.id}`)
    await user.click(await screen.findByRole('link', { name: 'Timeline' }))
    expect(await screen.findByRole('heading', { name: 'Timeline of BTC.D' })).toBeTruthy()
    expect(router.state.location.pathname).toBe(`/executions/${execution.id}/trace`)
  })
})
