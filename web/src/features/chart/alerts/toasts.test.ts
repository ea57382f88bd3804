import { act, renderHook } from '@testing-library/react'
import { beforeEach, expect, it, vi } from 'vitest'

import { adopt } from '@/api/session'
import { USER } from '@/mocks/world'
import { toast } from '@/ui/toasts'

import type { AlertsState, FiredAlert } from './model'
import { readFired } from './queries'
import { useAlertToasts } from './useAlertToasts'

let tell: (state: AlertsState) => void

vi.mock('@/ui/toasts', () => ({ toast: vi.fn() }))
vi.mock('./queries', () => ({ readFired: vi.fn() }))
vi.mock('@/api/live', () => ({ useFrames: (_: string, take: typeof tell) => void (tell = take) }))

const signIn = (id: string) => adopt({ access_token: 'token', expires_in: 600, user: { ...USER, id } })

/** The newest first. */
const fired = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, place) => {
    const number = to - place
    return { number, id: String(number), series: 'bybit:X', price: '1', direction: 'above', note: '', at: '2026-11-22T00:00:00Z' } as FiredAlert // prettier-ignore
  })

beforeEach(() => {
  vi.mocked(toast).mockClear()
  signIn('ann')
  renderHook(() => useAlertToasts(true))
  tell({ alerts: [], fired: fired(1, 20) })
})

it('says that more fired than could be read', async () => {
  vi.mocked(readFired).mockResolvedValue(fired(301, 500))
  await act(async () => tell({ alerts: [], fired: fired(481, 500) }))
  expect(toast).toHaveBeenCalledTimes(4)
  expect(toast).toHaveBeenLastCalledWith('At least 197 more alerts have fired; the chart lists them.')
})

it('tells nothing of one user to the next', async () => {
  let answer: (all: FiredAlert[]) => void = () => undefined
  vi.mocked(readFired).mockReturnValue(new Promise((come) => (answer = come)))
  tell({ alerts: [], fired: fired(481, 500) })
  signIn('bob')
  await act(async () => answer(fired(301, 500)))
  await act(async () => tell({ alerts: [], fired: fired(1, 5) }))
  expect(toast).not.toHaveBeenCalled()
})
