import uPlot from 'uplot'

import { token } from '@/lib/appearance'
import { compact, money, percent } from '@/lib/numbers'
import { timeMark } from '@/lib/times'

const FONT = '12px'
/** Both charts keep the same room for their numbers, so that one instant is one column of pixels. */
const NUMBERS_WIDTH = 64
/** Half of a mark of time at the right edge. */
const LAST_MARK = 24
/** Over the account stands in what it is counted. */
const UNIT_HEIGHT = 26
const MILLION = 1_000_000

interface Look {
  width: number
  height: number
  /** Charts of one key move their crosshairs together. */
  syncKey: string
  onRead: (at: number | null) => void
  /** Whether the crosshair stays where it is, whatever the pointer does. */
  keeps: (event: MouseEvent) => boolean
}

const faded = (hex: string, opacity: string) => `${hex}${opacity}`

function shared({ width, height, syncKey, onRead, keeps }: Look, head: number, foot: number) {
  const unlessKept: uPlot.Cursor.MouseListenerFactory = (_chart, _target, handle) => (event) => {
    if (!keeps(event)) handle(event)
    return null
  }
  const font = `${FONT} ${getComputedStyle(document.body).fontFamily}`
  const axis = { stroke: token('muted'), font, ticks: { show: false } } as const
  const line = { stroke: token('hairline'), width: 1 }
  return {
    options: {
      width,
      height,
      padding: [head, LAST_MARK, foot, 0] as [number, number, number, number],
      tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        sync: { key: syncKey, setSeries: false },
        points: { size: 7, width: 2 },
        bind: { mousemove: unlessKept, mouseleave: unlessKept },
      },
      hooks: { setCursor: [(chart: uPlot) => onRead(chart.cursor.idx ?? null)] },
    },
    axis,
    grid: line,
  }
}

/** As exact as the marks are apart. A logarithmic axis leaves marks without a number. */
function amount(value: number | null, step: number): string {
  if (value === null) return ''
  if (Math.abs(value) >= MILLION && step >= 1_000) return compact(value)
  return money(value, step >= 1 && Number.isInteger(step) ? 0 : step < 0.1 ? 2 : 1)
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** How far apart marks of time may be: nothing here is finer than a minute. */
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12].map((hours) => hours * HOUR),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 30, 60, 90, 120, 180].map((days) => days * DAY),
  ...[1, 2, 5, 10, 25].map((years) => years * 365 * DAY),
]

/** The account over time, and what holding would have been; `log`: equal factors are equally high. */
export function equityOptions(look: Look, withHold: boolean, log: boolean): uPlot.Options {
  const { options, axis, grid } = shared(look, UNIT_HEIGHT, 10)
  const ink = token('ink')
  return {
    ...options,
    scales: { x: { time: true }, y: { distr: log ? 3 : 1 } },
    axes: [
      { ...axis, show: false, grid: { show: false } },
      {
        ...axis,
        grid,
        size: NUMBERS_WIDTH,
        values: (_, marks, __, ___, step) => marks.map((mark) => amount(mark, log ? 1_000 : step)),
      },
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
  const { options, axis, grid } = shared(look, 10, 0)
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
        incrs: STEPS,
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
