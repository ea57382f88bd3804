import { act, renderHook } from '@testing-library/react'
import { expect, it, vi } from 'vitest'

import { stream, useTopic } from './live'

it('looks again when the stream ends: the API may have told the same thing since', () => {
  const peek = vi.spyOn(stream, 'peek').mockReturnValue('tick')
  const { result, unmount } = renderHook(() => useTopic('positions', 5))
  expect(result.current).toBe('tick')
  peek.mockReturnValue(undefined)
  act(() => stream.status.set('stale'))
  expect(result.current).toBeUndefined()
  expect(peek).toHaveBeenLastCalledWith('positions', 5)
  unmount()
})
