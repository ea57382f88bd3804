import { act, fireEvent, render, screen } from '@testing-library/react'
import { beforeEach, expect, it, vi } from 'vitest'

import EquityChart from './EquityChart'

type Listener = (event: Partial<MouseEvent>) => null
interface Options {
  hooks: { setCursor: [(chart: { cursor: { idx: number | null } }) => void] }
  cursor: { bind: { mousemove: (chart: null, target: null, handle: () => null) => Listener } }
}

const upper = vi.hoisted(() => ({ options: null as unknown as Options, setCursor: vi.fn() }))

vi.mock('uplot', () => ({
  default: class {
    setCursor = upper.setCursor
    destroy = vi.fn()
    valToPos = (value: number) => value
    constructor(options: Options & { height: number }) {
      if (options.height > 200) upper.options = options
    }
  },
}))

const DAY = 86_400
const data = {
  time: Float64Array.from([0, DAY, 2 * DAY]),
  equity: Float64Array.from([100, 110, 105]),
  drawdown: Float64Array.from([0, 0, -0.05]),
  hold: null,
}
const press = (key: string) => fireEvent.keyDown(screen.getByRole('region'), { key })
const reads = (day: number) => expect(screen.getByText(`${day} Jan 1970, 00:00 UTC`, { selector: 'span' })).toBeTruthy()
/** What uPlot says of its own crosshair. */
const tells = (idx: number | null) => act(() => upper.options.hooks.setCursor[0]({ cursor: { idx } }))

/** Whether uPlot hears of the pointer. */
function hears(movementX: number): boolean {
  const handle = vi.fn(() => null)
  upper.options.cursor.bind.mousemove(null, null, handle)({ type: 'mousemove', movementX, movementY: 0 })
  return handle.mock.calls.length > 0
}

beforeEach(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe = vi.fn()
      disconnect = vi.fn()
    },
  )
  render(<EquityChart data={data} label="Equity of Follows" quote="USDT" watermark={false} />)
})

it('stays where the keys put it, whatever a pointer at rest seems to do', () => {
  press('Home')
  expect(upper.setCursor).toHaveBeenLastCalledWith({ left: 0, top: 10 })
  tells(null)
  tells(2)
  expect(hears(0)).toBe(false)
  reads(1)
  press('ArrowRight')
  reads(2)
})

it('follows a pointer that moves, and says the end when it is left', () => {
  press('Home')
  expect(hears(3)).toBe(true)
  tells(1)
  reads(2)
  fireEvent.blur(screen.getByRole('region'))
  reads(3)
})
