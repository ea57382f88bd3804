import { act, renderHook, waitFor } from '@testing-library/react'
import { expect, it, vi } from 'vitest'

import { horizontalLine } from '@/test/drawings'
import { makeChart } from '@/test/fakeChart'

import { DrawingStore } from './drawings/store'
import { drawingSync } from './drawings/sync'
import { useDrawings } from './useDrawings'

it('asks again for drawings that could not be loaded, and leaves what was drawn meanwhile', async () => {
  const store = new DrawingStore(() => undefined)
  const engine = { drawings: { store }, chart: makeChart(), alerts: {} } as never
  vi.spyOn(drawingSync, 'flush').mockResolvedValue()
  const load = vi.spyOn(drawingSync, 'load').mockRejectedValue(new Error('Away.'))
  const { result } = renderHook(() => useDrawings(engine, 'bybit:BTCUSDT'))
  await waitFor(() => expect(result.current.error).toBeTruthy())

  store.add(horizontalLine('mine'))
  act(() => result.current.retry())
  await waitFor(() => expect(load).toHaveBeenCalledTimes(2))
  expect(store.drawings.get()).toHaveLength(1)

  load.mockResolvedValue([horizontalLine('theirs'), horizontalLine('mine')])
  act(() => result.current.retry())
  await waitFor(() => expect(result.current.error).toBeNull())
  expect(store.drawings.get()).toHaveLength(2)
})
