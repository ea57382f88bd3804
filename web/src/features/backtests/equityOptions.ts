import type uPlot from 'uplot'

import { token } from '@/lib/appearance'
import { compact, money, percent } from '@/lib/numbers'
import { timeMark } from '@/lib/times'

const FONT = '12px'
/** Both charts keep the same room for their numbers, so that one instant is one column of pixels. */
const NUMBERS_WIDTH = 64
const HUNDRED_THOUSAND = 100_000

interface Look {
  width: number
  height: number
  /** Charts of one key move their crosshairs together. */
  syncKey: string
  onRead: (at: number | null) => void
}

const faded = (hex: string, opacity: string) => `${hex}${opacity}`

function shared({ width, height, syncKey, onRead }: Look, foot: number) {
  const font = `${FONT} ${getComputedStyle(document.body).fontFamily}`
  const axis = { stroke: token('muted'), font, ticks: { show: false } } as const
  const line = { stroke: token('hairline'), width: 1 }
  return {
    options: {
      width,
      height,
      padding: [10, 8, foot, 0] as [number, number, number, number],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        sync: { key: syncKey, setSeries: false },
        points: { size: 7, width: 2 },
      },
      hooks: { setCursor: [(chart: uPlot) => onRead(chart.cursor.idx ?? null)] },
    },
    axis,
    grid: line,
  }
}

/** A logarithmic axis leaves marks without a number. */
const amount = (value: number | null) =>
  value === null ? '' : Math.abs(value) >= HUNDRED_THOUSAND ? compact(value) : money(value, 0)

/** The account over time, and what holding would have been; `log`: equal factors are equally high. */
export function equityOptions(look: Look, withHold: boolean, log: boolean): uPlot.Options {
  const { options, axis, grid } = shared(look, 10)
  const ink = token('ink')
  return {
    ...options,
    scales: { x: { time: true }, y: { distr: log ? 3 : 1 } },
    axes: [
      { ...axis, show: false, grid: { show: false } },
      { ...axis, grid, size: NUMBERS_WIDTH, values: (_, marks) => marks.map(amount) },
    ],
    series: [
      {},
      { label: 'Equity', stroke: ink, width: 2, fill: faded(ink, '0d'), points: { show: false } },
      ...(withHold
        ? [{ label: 'Buy and hold', stroke: token('muted'), width: 1.5, dash: [5, 4], points: { show: false } }]
        : []),
    ],
  }
}

/** How far below its highest value the account was, with the time line both share. */
export function drawdownOptions(look: Look): uPlot.Options {
  const { options, axis, grid } = shared(look, 0)
  const down = token('down')
  return {
    ...options,
    scales: { x: { time: true }, y: { range: (_, low) => [Math.min(low, -0.01) * 1.1, 0] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 34,
        space: 90,
        values: (_, marks, __, ___, step) => marks.map((mark) => timeMark(mark, step)),
      },
      {
        ...axis,
        grid,
        size: NUMBERS_WIDTH,
        space: 30,
        values: (_, marks, __, ___, step) => marks.map((mark) => percent(mark, step < 0.01 ? 1 : 0)),
      },
    ],
    series: [{}, { label: 'Drawdown', stroke: down, width: 1.5, fill: faded(down, '26'), points: { show: false } }],
  }
}
