import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { createStore } from '@/lib/store'

import { BarWindow } from '../data/windowStore'
import { DEFAULT_SPEC } from '../engine/spec'
import { ChartReader } from './ChartReader'
import GoToDate from './GoToDate'
import { Legend } from './Legend'
import { NewestButton } from './NewestButton'
import { OverlayLegend } from './OutputLegend'

const HOUR = 3_600
const NOW = Date.UTC(2026, 10, 22, 4, 30)

function makeEngine(timeframe = '1h') {
  const window = new BarWindow(200)
  const time = Array.from({ length: 100 }, (_, index) => NOW / 1000 - (100 - index) * HOUR)
  const close = time.map((_, index) => 1_000 + index)
  window.replace({ time, open: close, high: close, low: close, close, volume: close })
  const seen = createStore(99)
  return {
    feed: { state: createStore({ timeframe, series: 'bybit:X', decimals: 0, newer: false }), window },
    replay: { state: createStore({ active: false }) },
    revision: createStore(0),
    crosshair: { cursor: createStore<number | null>(null) },
    viewport: {
      away: createStore(false),
      span: () => ({ from: time[10], to: time[90] }),
      first: () => 0,
      seen,
      last: () => seen.get(),
    },
    focus: vi.fn(),
    opener: { toNewest: vi.fn(), goTo: vi.fn() },
    outputs: { indicators: createStore([]), compared: createStore<object[]>([]) },
    chart: { timeScale: () => ({ height: () => 26 }), priceScale: () => ({ width: () => 70 }) },
    colours: { plots: ['red'], ink: 'black' },
    marks: { at: () => [] },
    shown: 100,
  }
}

let engine: ReturnType<typeof makeEngine>

beforeEach(() => {
  vi.setSystemTime(NOW)
  engine = makeEngine()
})

afterEach(() => void vi.useRealTimers())

it('offers the way back to the newest bar where that is somewhere else', async () => {
  render(<NewestButton engine={engine as never} />)
  expect(screen.queryByRole('button')).toBeNull()
  engine.viewport.away.set(true)
  const button = await screen.findByRole('button', { name: 'Go to the newest bar' })
  expect(button.title).toContain('Alt End')
  await userEvent.click(button)
  expect(engine.opener.toNewest).toHaveBeenCalled()
  expect(engine.focus).toHaveBeenCalled()
  engine.viewport.away.set(false)
  await waitFor(() => expect(screen.queryByRole('button')).toBeNull())
})

it('reads out nothing of what a replay holds back', async () => {
  const rows = () => screen.getAllByRole('row').map((row) => row.textContent)
  render(
    <ChartReader engine={engine as never} label="Chart">
      {null}
    </ChartReader>,
  )
  expect(rows().at(-1)).toContain('1,099')
  engine.shown = 50
  engine.replay.state.set({ active: true })
  await waitFor(() => expect(rows().at(-1)).toContain('1,049'))
  expect(rows()).toHaveLength(24)
})

it('offers to ask again for a compared series that could not be had', async () => {
  const feed = { error: createStore<unknown>(new Error('no answer')), retry: vi.fn() }
  engine.outputs.compared.set([{ series: 'bybit:ETHUSDT', feed, closes: new Float64Array(0) }])
  render(<OverlayLegend engine={engine as never} actions={{} as never} />)
  await userEvent.click(screen.getByRole('button', { name: 'No bars; try again' }))
  expect(feed.retry).toHaveBeenCalled()
})

it('says of one with bars that newer ones are missing', async () => {
  const feed = { error: createStore<unknown>(new Error('no answer')), retry: vi.fn() }
  engine.outputs.compared.set([{ series: 'bybit:ETHUSDT', feed, closes: new Float64Array(100).fill(9) }])
  render(<OverlayLegend engine={engine as never} actions={{} as never} />)
  expect(screen.getByRole('button', { name: 'No new bars; try again' })).toBeTruthy()
  expect(screen.getByText('0.00%')).toBeTruthy()
})

describe('a legend without a crosshair', () => {
  beforeEach(() => {
    const feed = { error: createStore<unknown>(null) }
    const closes = Float64Array.from({ length: 100 }, (_, index) => 100 + index)
    engine.outputs.compared.set([{ series: 'bybit:ETHUSDT', feed, closes }])
    render(
      <>
        <Legend engine={engine as never} spec={{ ...DEFAULT_SPEC, series: 'bybit:X' }} />
        <OverlayLegend engine={engine as never} actions={{} as never} />
      </>,
    )
  })

  it('tells of the newest bar without its time', () => {
    expect(screen.getAllByText('1,099').length).toBeGreaterThan(0)
    expect(screen.getByText('+99.00%')).toBeTruthy()
    expect(screen.queryByText(/Nov 2026/)).toBeNull()
  })

  it('tells of the last bar on the screen, and its time, where that is not the newest', async () => {
    engine.viewport.seen.set(50)
    await waitFor(() => expect(screen.getAllByText('1,050').length).toBeGreaterThan(0))
    expect(screen.getByText('+50.00%')).toBeTruthy()
    expect(screen.getByText('20 Nov 2026, 02:30')).toBeTruthy()
  })

  it('tells the time of a bar after which there are others', async () => {
    engine.feed.state.set({ ...engine.feed.state.get(), newer: true })
    await waitFor(() => expect(screen.getByText('22 Nov 2026, 03:30')).toBeTruthy())
  })
})

describe('going to a date', () => {
  const onClose = vi.fn()
  const show = () => render(<GoToDate engine={engine as never} onClose={onClose} />)
  const field = () => screen.getByLabelText<HTMLInputElement>(/^Date/)
  const go = () => userEvent.click(screen.getByRole('button', { name: 'Go there' }))

  async function type(text: string) {
    await userEvent.clear(field())
    await userEvent.type(field(), text)
    await go()
  }

  it('begins with the middle of the screen and goes to a minute', async () => {
    show()
    expect(field().value).toBe('2026-11-20T02:30')
    await type('2026-11-01T12:15')
    expect(engine.opener.goTo).toHaveBeenCalledWith(Date.UTC(2026, 10, 1, 12, 15) / 1000)
    expect(onClose).toHaveBeenCalled()
  })

  it('goes to a day where bars are days', async () => {
    engine = makeEngine('1d')
    show()
    expect(field().value).toBe('2026-11-20')
    await type('2024-02-29')
    expect(engine.opener.goTo).toHaveBeenCalledWith(Date.UTC(2024, 1, 29) / 1000)
  })

  it.each([
    ['', 'Choose a date'],
    ['2026-11-22T04:31', 'still to come'],
    ['1899-01-01T00:00', '1970'],
  ])('to "%s" is not possible, and it says why', async (typed, why) => {
    show()
    await userEvent.clear(field())
    if (typed) await userEvent.type(field(), typed)
    await go()
    expect(screen.getByRole('alert').textContent).toContain(why)
    expect(engine.opener.goTo).not.toHaveBeenCalled()
  })
})
