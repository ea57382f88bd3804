import { http, HttpResponse } from 'msw'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { adopt, forget } from '@/api/session'
import { USER } from '@/mocks/world'
import { mockedServer, server } from '@/test/server'

import { DEFAULT_SPEC } from './engine/spec'
import { lastChart, rememberChart } from './last'
import { keepWorkspace } from './layoutSync'
import { halfOf, keepHalf } from './own/modes'
import { keepPlace, placeOf } from './own/places'
import { ownSeries, signalSets } from './own/store'
import { keyOf, shareOut } from './userStorage'
import { changeCell, changeWorkspace, workspace } from './workspace'

mockedServer()

const signIn = (id: string) => adopt({ access_token: id, expires_in: 600, user: { ...USER, id } })
const cell = (series: string) => ({ ...DEFAULT_SPEC, series })
const series = () => workspace.get().cells.map((each) => each.series)

beforeEach(() => {
  localStorage.clear()
  sessionStorage.clear()
  forget()
})

describe('two users of a device', () => {
  it('each have what they left, and nothing of the other', () => {
    signIn('ann')
    const place = { chosen: '1h', shown: '1h', from: 1, to: 2 } as const
    changeWorkspace({ cells: [cell('own:anns')], active: 0 })
    keepHalf(0, cell('own:anns'))
    keepPlace(0, 'bybit:X', place)
    rememberChart('own', 'anns', '1h')
    ownSeries.set(new Map([['own:anns', { name: 'Secret', base: '1h' }]]))
    signalSets.set(new Map([['s', 'Secret too']]))
    for (const other of [forget, () => signIn('bob')]) {
      other()
      expect([series(), halfOf(0, 'custom'), placeOf(0, 'bybit:X', '1h')]).toEqual([['bybit:BTCUSDT'], null, null])
      expect(lastChart().params).toEqual({ source: 'bybit', symbol: 'BTCUSDT' })
      expect([ownSeries.get().size, signalSets.get().size]).toEqual([0, 0])
    }
    signIn('ann')
    expect([series(), halfOf(0, 'custom')?.series]).toEqual([['own:anns'], 'own:anns'])
    expect([placeOf(0, 'bybit:X', '1h'), lastChart().params.symbol]).toEqual([place, 'anns'])
  })

  it('begin with what a visitor had set up', () => {
    changeWorkspace({ cells: [cell('own:nobodys'), cell('binance:ETHUSDT')], active: 1 })
    signIn('ann')
    expect(workspace.get()).toMatchObject({ cells: [{ series: 'binance:ETHUSDT' }], active: 0 })
  })
})

it('a device that is full, or refuses to keep anything, keeps nobody from changing a chart', () => {
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new DOMException('Full.', 'QuotaExceededError')
  })
  changeCell(0, { timeframe: '4h' })
  keepHalf(0, cell('bybit:BTCUSDT'))
  keepPlace(0, 'bybit:BTCUSDT', { chosen: '1h', shown: '1h', from: 1, to: 2 })
  rememberChart('bybit', 'BTCUSDT', '4h')
  expect(workspace.get().cells[0]?.timeframe).toBe('4h')
})

describe('the layout of an account', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => vi.useRealTimers())

  it('never gets the charts of whoever used the page before', async () => {
    const written: string[] = []
    server.use(
      http.get('/api/charts/layouts', () => HttpResponse.json([])),
      http.put('/api/charts/layouts/:id', async ({ request }) => {
        written.push(`${request.headers.get('authorization')} ${JSON.stringify(await request.json())}`)
        return HttpResponse.json({ id: 'x', version: 1, name: 'Workspace' })
      }),
    )
    signIn('ann')
    const stop = keepWorkspace()
    changeWorkspace({ cells: [cell('own:anns')], active: 0 })
    await vi.advanceTimersByTimeAsync(500)
    signIn('bob')
    stop()
    const stopBobs = keepWorkspace()
    await vi.advanceTimersByTimeAsync(3_000)
    changeWorkspace({ cells: [cell('bybit:SOLUSDT')], active: 0 })
    await vi.advanceTimersByTimeAsync(3_000)
    await vi.waitFor(() => expect(written.join()).toContain('bybit:SOLUSDT'))
    stopBobs()
    expect(written.join()).not.toContain('anns')
  })

  it('does not undo what was changed right before the page was loaded anew', async () => {
    const written: string[] = []
    const kept = { id: 'x', version: 3, name: 'Workspace', is_default: true, active: 0, cells: [cell('bybit:OLDUSDT')] }
    server.use(
      http.get('/api/charts/layouts', () => HttpResponse.json([kept])),
      http.put('/api/charts/layouts/:id', async ({ request }) => {
        written.push(JSON.stringify(await request.json()))
        return HttpResponse.json({ ...kept, version: 4 })
      }),
    )
    signIn('ann')
    changeWorkspace({ cells: [cell('bybit:OFADDRESSUSDT')], active: 0 })
    const stop = keepWorkspace()
    await vi.waitFor(() => expect(series()).toEqual(['bybit:OLDUSDT']))
    changeWorkspace({ cells: [cell('bybit:NEWUSDT')], active: 0 })
    stop()
    const stopAgain = keepWorkspace()
    await vi.advanceTimersByTimeAsync(4_000)
    await vi.waitFor(() => expect(workspace.get().unsent).toBe(false))
    expect(series()).toEqual(['bybit:NEWUSDT'])
    expect(written.join()).toContain('bybit:NEWUSDT')
    stopAgain()
  })
})

describe('what was kept for everybody once', () => {
  beforeEach(() => localStorage.setItem('holdfast.workspace', 'kept'))
  const now = (user: string) => localStorage.getItem(keyOf('holdfast.workspace', user))

  it('is of whoever is still signed in', () => {
    signIn('ann')
    shareOut(true)
    expect([now('ann'), now(''), localStorage.getItem('holdfast.workspace')]).toEqual(['kept', null, null])
    signIn('bob')
    shareOut(false)
    expect(now('bob')).toBeNull()
  })

  it('is a visitor’s where nobody was signed in', () => {
    shareOut(false)
    expect([now(''), localStorage.getItem('holdfast.workspace')]).toEqual(['kept', null])
  })

  it('goes where the one who was signed in is not any more', () => {
    shareOut(true)
    expect(Object.keys(localStorage).filter((key) => key.startsWith('holdfast.workspace'))).toEqual([])
  })

  it('does not replace what is newer', () => {
    localStorage.setItem(keyOf('holdfast.workspace', ''), 'newer')
    shareOut(false)
    expect(now('')).toBe('newer')
  })
})
