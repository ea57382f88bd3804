import { describe, expect, it } from 'vitest'

import { kept } from '@/mocks/charts'
import {
  cell,
  change,
  chartsOf,
  cutOff,
  keepLayout,
  loadAnew,
  mockedLayouts,
  name,
  names,
  show,
  shown,
  signIn,
  visit,
} from '@/test/layouts'
import { server } from '@/test/server'

import { deleteLayout, newLayout, openLayout, otherThan, renameLayout, restoreLayout, saveLayoutAs } from './layouts'
import { fetchLayouts, inTurn, settle } from './layoutSync'
import { changeWorkspace, workspace } from './workspace'

mockedLayouts()

describe('a layout', () => {
  it('is saved under another name, and what follows is a change of the copy', async () => {
    const first = keepLayout('First', 'bybit:BTCUSDT', true)
    await visit()
    show('bybit:ETHUSDT')
    const copy = await saveLayoutAs('Second')
    expect([name(), shown(), chartsOf(first)]).toEqual(['Second', ['bybit:ETHUSDT'], ['bybit:ETHUSDT']])
    show('bybit:ETHUSDT', 'bybit:SOLUSDT')
    await inTurn(settle)
    expect([chartsOf(first), chartsOf(copy)]).toEqual([['bybit:ETHUSDT'], ['bybit:ETHUSDT', 'bybit:SOLUSDT']])
    expect((await fetchLayouts()).filter((each) => each.is_default).map((each) => each.name)).toEqual(['Second'])
  })

  it('is left with its last change, and is shown as it was left', async () => {
    const first = keepLayout('First', 'bybit:BTCUSDT', true)
    const second = keepLayout('Second', 'binance:ETHUSDT')
    await visit()
    show('bybit:SOLUSDT')
    await openLayout(second)
    expect([name(), shown(), chartsOf(first)]).toEqual(['Second', ['binance:ETHUSDT'], ['bybit:SOLUSDT']])
    await openLayout(first)
    expect([name(), shown()]).toEqual(['First', ['bybit:SOLUSDT']])
  })

  it('begins anew with one plain chart of what is in front', async () => {
    keepLayout('First', 'index:btc-d', true)
    await visit()
    show('bybit:ETHUSDT', 'index:btc-d')
    changeWorkspace({ active: 1 })
    await newLayout('Plain')
    expect(workspace.get().cells).toMatchObject([{ series: 'index:btc-d', type: 'line', indicators: [] }])
  })

  it('keeps its charts and its version in order through a new name', async () => {
    const first = keepLayout('First', 'bybit:BTCUSDT', true)
    const second = keepLayout('Second', 'binance:ETHUSDT')
    await visit()
    await renameLayout(first, 'Swing')
    await renameLayout(second, 'Later')
    show('bybit:SOLUSDT')
    await inTurn(settle)
    expect([name(), await names(), chartsOf(first)]).toEqual(['Swing', ['Swing', 'Later'], ['bybit:SOLUSDT']])
  })

  it('is deleted and restored; the one changed last stands in for the one that was in hand', async () => {
    const first = keepLayout('First', 'bybit:BTCUSDT', true)
    keepLayout('Second', 'binance:ETHUSDT')
    keepLayout('Third', 'bybit:XRPUSDT')
    await visit()
    show('bybit:SOLUSDT')
    const gone = await deleteLayout(first, otherThan(first, await fetchLayouts()))
    expect([name(), shown(), await names()]).toEqual(['Third', ['bybit:XRPUSDT'], ['Second', 'Third']])
    await restoreLayout(gone, true)
    expect([name(), shown()]).toEqual(['First', ['bybit:SOLUSDT']])
    expect(await deleteLayout({ ...gone, id: 'Nobody' }, undefined)).toMatchObject({ id: 'Nobody' })
  })

  it('is not left while its last change cannot be saved', async () => {
    const first = keepLayout('First', 'bybit:BTCUSDT', true)
    const second = keepLayout('Second', 'binance:ETHUSDT')
    await visit()
    show('bybit:SOLUSDT')
    cutOff('/api/charts/layouts/:id')
    await expect(openLayout(second)).rejects.toThrow()
    await expect(saveLayoutAs('Third')).rejects.toThrow()
    expect([name(), shown(), workspace.get().unsent]).toEqual(['First', ['bybit:SOLUSDT'], true])
    server.resetHandlers()
    await openLayout(second)
    expect([name(), chartsOf(first)]).toEqual(['Second', ['bybit:SOLUSDT']])
  })

  it('says so when another device deleted it meanwhile', async () => {
    keepLayout('First', 'bybit:BTCUSDT', true)
    const second = keepLayout('Second', 'binance:ETHUSDT')
    await visit()
    kept.layouts.delete('Second')
    await expect(openLayout(second)).rejects.toThrow('It was deleted on another device or in another tab.')
    expect([name(), shown()]).toEqual(['First', ['bybit:BTCUSDT']])
  })
})

describe('a page that is loaded anew', () => {
  it.each([
    ['4h', 0, 1],
    ['15m', 1, 0],
    ['1d', 1, 1],
  ] as const)('brings the chart to the front that its address names: %s', async (timeframe, kept, front) => {
    const first = keepLayout('First', 'bybit:BTCUSDT', true)
    const cells = (['15m', '4h'] as const).map((each) => ({ ...cell('bybit:BTCUSDT'), timeframe: each }))
    change(first.id, { cells, active: kept })
    changeWorkspace({ cells: [{ ...cell('bybit:BTCUSDT'), timeframe }], active: 0 })
    await visit()
    expect(workspace.get()).toMatchObject({ cells, active: front })
  })

  it('opens the layout that was in hand in its tab, whichever the account used last', async () => {
    keepLayout('First', 'bybit:BTCUSDT', true)
    const second = keepLayout('Second', 'binance:ETHUSDT')
    await visit()
    await openLayout(second)
    change('Second', { is_default: false, cells: [cell('bybit:DOTUSDT')] })
    change('First', { is_default: true })
    loadAnew()
    await visit()
    expect([name(), shown()]).toEqual(['Second', ['bybit:DOTUSDT']])
  })

  it('opens the one the account used last where its own is gone', async () => {
    keepLayout('First', 'bybit:BTCUSDT', true)
    const second = keepLayout('Second', 'binance:ETHUSDT')
    await visit()
    await openLayout(second)
    kept.layouts.delete('Second')
    loadAnew()
    await visit()
    expect([name(), shown()]).toEqual(['First', ['bybit:BTCUSDT']])
  })

  it.each([false, true])('sends what was changed offline to its own layout, tab closed: %s', async (closed) => {
    const first = keepLayout('First', 'bybit:BTCUSDT', true)
    const second = keepLayout('Second', 'binance:ETHUSDT')
    await visit()
    show('bybit:NEWUSDT')
    cutOff('/api/charts/layouts/:id')
    await expect(inTurn(settle)).rejects.toThrow()
    server.resetHandlers()
    change('First', { is_default: false, version: 7 })
    change('Second', { is_default: true, version: 9 })
    loadAnew(closed)
    await visit()
    expect([name(), shown()]).toEqual(['First', ['bybit:NEWUSDT']])
    await inTurn(settle)
    expect([chartsOf(first), chartsOf(second)]).toEqual([['bybit:NEWUSDT'], ['binance:ETHUSDT']])
    expect(workspace.get().unsent).toBe(false)
  })

  it('keeps what was changed in a layout that another device deleted', async () => {
    const first = keepLayout('First', 'bybit:BTCUSDT', true)
    const second = keepLayout('Second', 'binance:ETHUSDT')
    await visit()
    show('bybit:NEWUSDT')
    kept.layouts.delete('First')
    await inTurn(settle)
    expect([chartsOf(first), chartsOf(second), name()]).toEqual([['bybit:NEWUSDT'], ['binance:ETHUSDT'], 'First'])
  })

  it('keeps what was changed while the account could not be reached', async () => {
    const first = keepLayout('First', 'bybit:BTCUSDT', true)
    cutOff('/api/charts/layouts', 'get')
    await visit()
    show('bybit:NEWUSDT')
    server.resetHandlers()
    loadAnew()
    await visit()
    await inTurn(settle)
    expect([shown(), chartsOf(first)]).toEqual([['bybit:NEWUSDT'], ['bybit:NEWUSDT']])
  })
})

it('takes nothing for a change that is only another user’s charts', async () => {
  signIn('bob')
  show('bybit:OLDUSDT')
  signIn('ann')
  keepLayout('First', 'bybit:BTCUSDT', true)
  await visit()
  signIn('bob')
  expect([shown(), Boolean(workspace.get().unsent)]).toEqual([['bybit:OLDUSDT'], false])
})
