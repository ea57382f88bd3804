import { expect, it } from 'vitest'

import { ahead } from './workspace'
import { kept } from '@/mocks/charts'
import {
  cell,
  change,
  chartsOf,
  cutOff,
  keepLayout,
  leave,
  loadAnew,
  mockedLayouts,
  name,
  show,
  shown,
  visit,
} from '@/test/layouts'
import { server } from '@/test/server'

import { deleteLayout, openLayout } from './layouts'
import { inTurn, settle } from './layoutSync'

mockedLayouts()

/** A tab with an unsent change of the first is shut; another tab went on with the second. */
async function shutUnsent() {
  const [first, second] = [keepLayout('First', 'bybit:BTCUSDT', true), keepLayout('Second', 'binance:ETHUSDT')]
  await visit()
  await openLayout(second)
  const others = Object.entries(localStorage)
  await openLayout(first)
  show('bybit:NEWUSDT')
  cutOff('/api/charts/layouts/:id')
  await expect(inTurn(settle)).rejects.toThrow()
  server.resetHandlers()
  for (const [key, text] of others) localStorage.setItem(key, String(text))
  return [first, second] as const
}

it('what a tab could not send before it was shut is sent by the next one, whichever layout that has', async () => {
  const [first, second] = await shutUnsent()
  loadAnew(true)
  await visit()
  expect([name(), chartsOf(first), chartsOf(second)]).toEqual(['Second', ['bybit:NEWUSDT'], ['binance:ETHUSDT']])
  Object.assign(kept.layouts.get('First') ?? {}, { cells: second.cells })
  loadAnew()
  await visit()
  expect(chartsOf(first)).toEqual(['binance:ETHUSDT'])
})

it('what could not be sent comes back with no layout that was deleted here', async () => {
  const [first, second] = await shutUnsent()
  await deleteLayout(first, second)
  loadAnew(true)
  await visit()
  expect([...kept.layouts.keys()]).toEqual(['Second'])
})

it('a change that was taken back is not sent again', async () => {
  const first = keepLayout('First', 'bybit:BTCUSDT', true)
  await visit()
  show('bybit:NEWUSDT')
  show('bybit:BTCUSDT')
  await inTurn(settle)
  change('First', { cells: [cell('bybit:DOTUSDT')], version: 5 })
  loadAnew(true)
  await visit()
  expect([shown(), chartsOf(first)]).toEqual([['bybit:DOTUSDT'], ['bybit:DOTUSDT']])
})

it('a layout that is opened after its page was left leads no other page', async () => {
  keepLayout('First', 'bybit:BTCUSDT', true)
  const second = keepLayout('Second', 'binance:ETHUSDT')
  await visit()
  leave()
  await openLayout(second)
  expect([shown(), ahead.get()]).toEqual([['binance:ETHUSDT'], false])
})
