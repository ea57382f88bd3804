import { expect, it, vi } from 'vitest'

import { BarWindow } from '../data/windowStore'
import { IndicatorView } from './IndicatorView'

it('gives an indicator a plain scale of its own, whatever scale the price has', () => {
  const applyOptions = vi.fn()
  const anchor = {
    priceScale: () => ({ applyOptions }),
    attachPrimitive: () => undefined,
    getPane: () => ({ setStretchFactor: () => undefined }),
    setData: () => undefined,
  }
  const chart = { addSeries: () => anchor, panes: () => [] }
  const indicator = { plots: [{ id: 'rsi', pane: 'own' }], levels: [] }
  new IndicatorView(
    chart as never,
    { window: new BarWindow(10), forming: Infinity },
    () => 0,
    indicator as never,
    {} as never,
    {} as never,
  )
  expect(applyOptions).toHaveBeenCalledWith(expect.objectContaining({ mode: 0 }))
})
