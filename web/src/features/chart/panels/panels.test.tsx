import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'

import { ProblemError } from '@/api/problem'
import { createStore } from '@/lib/store'

import type { ShownMarks } from '../marks/MarksLayer'
import type { OwnData } from '../own/useOwnData'
import { ChartReader } from './ChartReader'
import { ChartStates } from './ChartStates'
import { MarkCard } from './MarkCard'
import { NothingOwn } from './ModeSwitch'
import { IndicatorLine } from './OutputLegend'

vi.mock('./MarkDetail', () => ({ MarkDetail: () => null }))

const OWN: OwnData = {
  signedIn: true,
  known: false,
  error: null,
  retry: vi.fn(),
  bars: [],
  signals: [],
  coming: false,
}

it('says nothing about own data before it is known, and why it is not', async () => {
  const { rerender } = render(<NothingOwn own={OWN} />)
  expect(screen.getByRole('status', { name: 'Loading your data' })).toBeTruthy()
  rerender(<NothingOwn own={{ ...OWN, error: new TypeError('offline') }} />)
  expect(screen.queryByText('Nothing of yours to chart yet')).toBeNull()
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(OWN.retry).toHaveBeenCalled()
})

it('speaks of data that is gone, not of a market', () => {
  const error = new ProblemError({ title: '', status: 404, detail: '', type: '', advice: '', request_id: '' } as never)
  const state = createStore({ phase: 'failed', error, edge: null })
  const engine = { feed: { state, window: { length: 0 } } }
  render(<ChartStates engine={engine as never} series="own:7f" />)
  expect(screen.getByText('This data is not among yours')).toBeTruthy()
})

it('goes back to the bar of a mark when it is read', async () => {
  const element = document.createElement('div')
  const shown = createStore<ShownMarks | null>({
    glyph: { index: 5, items: [{ id: 'n', kind: 'news', time: 0 } as never], price: 1, level: 0 },
    pinned: true,
  })
  const crosshair = { place: vi.fn() }
  const navigator = { leave: vi.fn() }
  const scale = {
    subscribeVisibleLogicalRangeChange: () => undefined,
    unsubscribeVisibleLogicalRangeChange: () => undefined,
  }
  const engine = {
    focus: () => screen.getByRole('region').focus(),
    chart: { chartElement: () => element, timeScale: () => scale },
    marks: { shown, pointOf: () => [10, 10] },
    feed: { state: createStore({ decimals: 2, timeframe: '1m', series: 'bybit:X' }), window: { length: 0 } },
    revision: createStore(0),
    replay: { state: createStore({ active: false }) },
    shown: 0,
    crosshair,
    navigator,
  } as never
  render(
    <>
      <ChartReader engine={engine} label="Chart">
        <div ref={(box) => void box?.append(element)} />
      </ChartReader>
      <MarkCard engine={engine} shown={shown.get() as ShownMarks} />
    </>,
  )
  expect(document.activeElement).toBe(screen.getByRole('dialog'))
  await userEvent.keyboard('{Escape}')
  expect(document.activeElement).toBe(screen.getByRole('region'))
  expect([crosshair.place.mock.calls, shown.get()]).toEqual([[[5]], null])
})

function showLine(forming: number) {
  const plot = { id: 'sma', label: 'SMA', pane: 'price', colour: 1 }
  const view = {
    spec: { key: 'k', hidden: false, inputs: {} },
    indicator: { name: 'Simple moving average', inputs: [] },
    feed: { error: createStore(null) },
    valuesAt: () => [{ plot, value: 101.3549 }],
  }
  const engine = {
    crosshair: { cursor: createStore(null) },
    feed: { state: createStore({ decimals: 0 }), forming },
    revision: createStore(0),
    shown: 1,
    viewport: { seen: createStore(0), last: () => 0 },
    colours: { plots: ['red'] },
  }
  render(<IndicatorLine engine={engine as never} view={view as never} actions={{} as never} />)
}

it('shows what is computed from whole numbers with its decimals', () => {
  showLine(Infinity)
  expect(screen.getByTitle('SMA').textContent).toBe('101.35')
  expect(screen.queryByText('still forming')).toBeNull()
})

it('says of values that they are of a bar that still forms', () => {
  showLine(0)
  expect(screen.getByText('still forming')).toBeTruthy()
})
