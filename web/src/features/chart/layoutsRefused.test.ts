import { HttpResponse, http } from 'msw'
import { describe, expect, it } from 'vitest'

import { kept } from '@/mocks/charts'
import { chartsOf, keepLayout, loadAnew, mockedLayouts, name, names, refuse, show, shown, visit } from '@/test/layouts'
import { server } from '@/test/server'

import { deleteLayout, newLayout, NotSaved, openLayout, renameLayout, saveLayoutAs } from './layouts'
import type { Layout } from './layoutSync'
import { inTurn, settle } from './layoutSync'
import { workspace } from './workspace'

mockedLayouts()

describe('a layout that is refused as it is', () => {
  async function refused(): Promise<[Layout, Layout]> {
    const layouts = [keepLayout('First', 'bybit:BTCUSDT', true), keepLayout('Second', 'binance:ETHUSDT')] as const
    await visit()
    show('bybit:SOLUSDT')
    refuse('First')
    return [...layouts]
  }

  it('is left without its last change only where that is wanted', async () => {
    const [first, second] = await refused()
    const words = '“First” cannot be saved as it is. Too much.'
    await expect(openLayout(second)).rejects.toThrow(words)
    await expect(newLayout('Third')).rejects.toThrow(NotSaved)
    expect([name(), shown(), workspace.get().unsent]).toEqual(['First', ['bybit:SOLUSDT'], true])
    await openLayout(second, true)
    expect([name(), shown(), chartsOf(first)]).toEqual(['Second', ['binance:ETHUSDT'], ['bybit:BTCUSDT']])
    server.resetHandlers()
    loadAnew()
    await visit()
    await inTurn(settle)
    expect([name(), chartsOf(first)]).toEqual(['Second', ['bybit:BTCUSDT']])
  })

  it('gives way to a new one where that is wanted', async () => {
    await refused()
    await newLayout('Third', true)
    expect([name(), shown()]).toEqual(['Third', ['bybit:SOLUSDT']])
  })

  it('is kept as it is under another name, of which nothing is said', async () => {
    const [first] = await refused()
    const copy = await saveLayoutAs('Third')
    expect([name(), chartsOf(copy), chartsOf(first)]).toEqual(['Third', ['bybit:SOLUSDT'], ['bybit:BTCUSDT']])
  })

  it('is deleted all the same', async () => {
    const [first, second] = await refused()
    await deleteLayout(first, second)
    expect([name(), await names()]).toEqual(['Second', ['Second']])
  })

  it('is deleted all the same where another device did so and there are too many to bring it back', async () => {
    const [first, second] = await refused()
    kept.layouts.delete('First')
    await deleteLayout(first, second)
    expect([name(), await names()]).toEqual(['Second', ['Second']])
  })

  it('keeps its last change in hand while another one gets a new name', async () => {
    const [first, second] = await refused()
    await renameLayout(second, 'Later')
    expect([name(), shown(), workspace.get().unsent]).toEqual(['First', ['bybit:SOLUSDT'], true])
    server.resetHandlers()
    await inTurn(settle)
    expect(chartsOf(first)).toEqual(['bybit:SOLUSDT'])
  })

  it.each([408, 429, 500])('is not left where the answer may be another one later: %s', async (status) => {
    const [, second] = await refused()
    server.use(http.put('/api/charts/layouts/First', () => HttpResponse.json({}, { status })))
    await expect(openLayout(second, true)).rejects.toThrow()
    expect([name(), shown()]).toEqual(['First', ['bybit:SOLUSDT']])
  })
})
