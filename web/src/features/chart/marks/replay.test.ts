import { expect, it } from 'vitest'

import { BarWindow } from '../data/windowStore'
import { MarksLayer } from './MarksLayer'
import { ofNews } from './model'

const story = (time: number) =>
  ofNews({
    id: `n${time}`,
    time,
    published_at: new Date(time * 1000).toISOString(),
    title: 'Story',
    url: '',
    publisher: 'news.example',
    mood: 'positive',
    sentiment: 0.5,
    basis: 'marketaux',
  })

/** Ten bars of a minute, narrower than a mark, of which a replay lets `shown` be seen. */
function makeLayer() {
  const window = new BarWindow(100)
  for (let index = 0; index < 10; index += 1) {
    window.put({ time: index * 60, open: 9, high: 11, low: 8, close: 10, volume: 1 })
  }
  const scale = {
    getVisibleLogicalRange: () => ({ from: 0, to: 9 }),
    options: () => ({ barSpacing: 2 }),
    logicalToCoordinate: (index: number) => index * 2,
  }
  const host = {
    shown: 10,
    chart: { timeScale: () => scale, panes: () => [{ getHeight: () => 100 }] },
    feed: { window, state: { get: () => ({ timeframe: '1m' }) } },
    price: { attach: () => undefined },
    colours: {},
  }
  const layer = new MarksLayer(host as never)
  return {
    layer,
    see: (shown: number) => {
      host.shown = shown
      layer.refresh()
    },
  }
}

it('a replay tells nothing of marks that are ahead of it, until it has come to them', () => {
  const { layer, see } = makeLayer()
  layer.set('news', [story(0), story(60), story(120)], false)
  const found = () => layer.find([0, 87], false)?.items.length
  expect(found()).toBe(3)
  see(1)
  expect([found(), layer.at(1).length, layer.pinBar(1)]).toEqual([1, 0, false])
  see(2)
  expect([found(), layer.at(1).length, layer.pinBar(1)]).toEqual([2, 1, true])
  see(1)
  expect(layer.shown.get()).toBeNull()
})
