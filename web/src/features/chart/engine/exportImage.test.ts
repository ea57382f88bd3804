import { beforeEach, expect, it, vi } from 'vitest'

import { createStore } from '@/lib/store'

import { BarWindow } from '../data/windowStore'
import { drawImage } from './exportImage'
import type { ChartSpec } from './spec'
import { DEFAULT_SPEC } from './spec'

/** What was written, from top to bottom and left to right. */
let written: { text: string; x: number; y: number }[]

let scales: number[]
/** What was filled, other than words. */
let filled: string[]

beforeEach(() => {
  written = []
  scales = []
  filled = []
  const context = {
    fillStyle: '',
    fillRect: () => filled.push(context.fillStyle),
    drawImage: () => undefined,
    scale: (ratio: number) => scales.push(ratio),
    measureText: (text: string) => ({ width: text.length * 7 }),
    fillText: (text: string, x: number, y: number) => written.push({ text, x, y }),
  }
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(context as never)
})

const at = (top: number) => ({ getHTMLElement: () => ({ getBoundingClientRect: () => ({ top }) }) })

function indicator(name: string, value: number, pane: ReturnType<typeof at> | null, hidden = false) {
  const plot = { id: 'p', label: 'P', pane: pane ? 'own' : 'price', colour: 1 }
  return {
    spec: { key: name, hidden, inputs: { length: 20 } },
    indicator: { name, inputs: [{ name: 'length', default: 9 }] },
    pane: pane && { anchor: { getPane: () => pane } },
    valuesAt: (index: number) => [{ plot, value: value + index }],
  }
}

/** Three bars, of which `shown` may be seen, on a chart `width` pixels wide. */
function picture(
  over: Partial<ChartSpec> = {},
  { shown = 3, width = 900, to = 8, ratio = 1, held = 'bybit:BTCUSDT', forming = Infinity } = {},
) {
  const window = new BarWindow(10)
  for (let index = 0; index < 3; index += 1) {
    window.put({ time: index * 60, open: 100, high: 110, low: 90, close: 100 + index, volume: 1_500 })
  }
  const price = at(0)
  const engine = {
    shown,
    colours: { plots: ['red'], ink: 'black', up: 'green', down: 'red', muted: 'grey', canvas: '#fff' },
    chart: {
      takeScreenshot: () => ({ width: width * ratio, height: 400 * ratio }),
      chartElement: () => ({ clientWidth: width, getBoundingClientRect: () => ({ top: 0 }) }),
      panes: () => [price],
      timeScale: () => ({ width: () => width - 64, getVisibleLogicalRange: () => ({ from: 0, to }) }),
    },
    feed: { window, forming, state: createStore({ decimals: 2, timeframe: '1h', series: held }) },
    viewport: { first: () => 0, last: () => Math.min(shown - 1, Math.floor(to)) },
    outputs: {
      compared: createStore([{ series: 'bybit:ETHUSDT', closes: Float64Array.of(50, 55, 60) }]),
      indicators: createStore([
        indicator('Moving average', 98, null),
        indicator('Bands', 1, null, true),
        indicator('RSI', 40, at(250)),
      ]),
    },
  }
  const spec = { ...DEFAULT_SPEC, series: 'bybit:BTCUSDT', ...over }
  return drawImage(engine as never, spec, { simulated: true, now: 0 })
}

/** What stands on each line, by its height. */
function lines(): string[] {
  const heights = [...new Set(written.map(({ y }) => y))].sort((a, b) => a - b)
  return heights.map((y) =>
    written
      .filter((each) => each.y === y)
      .sort((a, b) => a.x - b.x)
      .map(({ text }) => text)
      .join(' '),
  )
}

it('carries the series, its last bar, what it is compared with and the indicators, each at its pane', () => {
  picture()
  expect(lines()).toEqual([
    'BTCUSDT · Bybit perpetual · 1h Simulated market',
    'O 100.00 H 110.00 L 90.00 C 102.00 ▲ +0.99% Vol 1.5K',
    'ETHUSDT Bybit perpetual +20.00%',
    'Moving average 20 100.00',
    'RSI 20 42.00',
    'Holdfast · 1 Jan 1970, 00:00 UTC TradingView Lightweight Charts™',
  ])
  expect(written.find(({ text }) => text === 'RSI')?.y).toBeGreaterThan(250)
  expect([...new Set(filled)]).toEqual(['#fff'])
})

it('says that the last bar still forms', () => {
  picture({}, { forming: 2 })
  expect(lines()).toContain('Moving average 20 100.00 still forming')
})

it('tells nothing of what is ahead of a replay', () => {
  picture({ volume: false }, { shown: 1 })
  expect(lines()[1]).toBe('O 100.00 H 110.00 L 90.00 C 100.00 0.00%')
})

it('is named after the bars that are on it while others are on their way', () => {
  picture({ series: 'bybit:ETHUSDT' })
  expect(lines()[0]).toBe('BTCUSDT · Bybit perpetual · 1h Simulated market')
})

it('has one level a bar where the bars that are on it are those of an index', () => {
  picture({ series: 'bybit:ETHUSDT', type: 'line' }, { held: 'index:btc-d' })
  expect(lines()[0]).toContain('BTC.D · Holdfast index')
  expect(lines()[1]).toContain('Level 102.00')
})

it('tells of the last bar that is on the picture', () => {
  picture({}, { to: 1.4 })
  expect(lines()[1]).toContain('C 101.00 ▲ +1.00%')
})

it('breaks a legend that is wider than a phone before it covers the scale', () => {
  picture({}, { width: 170 })
  expect(lines().slice(1, 4)).toEqual(['O 100.00', 'H 110.00', 'L 90.00'])
})

it('is as sharp as the screenshot, whatever the browser says of the screen', () => {
  vi.stubGlobal('devicePixelRatio', 3)
  const { width, height } = picture({}, { ratio: 2 })
  expect([width, height, scales]).toEqual([1800, (400 + 44 + 30) * 2, [2]])
  vi.unstubAllGlobals()
})

it('on a phone nothing at its foot or its head lies over anything else', () => {
  picture({}, { width: 390 })
  expect(lines().slice(-2)).toEqual(['Holdfast · 1 Jan 1970, 00:00 UTC', 'TradingView Lightweight Charts™'])
})
