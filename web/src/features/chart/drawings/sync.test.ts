import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { merged } from './merge'
import type { Drawing } from './model'
import type { Kept, SyncPorts } from './server'
import { DrawingSync } from './sync'

const drawing = (id: string): Drawing => ({
  id,
  tool: 'trend',
  anchors: [
    { time: 1, price: 1 },
    { time: 2, price: 2 },
  ],
  text: '',
  colour: 1,
})

describe('keeping drawings', () => {
  beforeEach(() => localStorage.clear())
  afterEach(() => vi.useRealTimers())

  /** The server of several devices, with the rule of the API: who writes names the version they read. */
  function makeServer() {
    const saved = new Map<string, Kept>()
    const port = { failures: 0, user: 'ann', reads: 0 }
    const read = (series: string) => saved.get(series) ?? { version: 0, drawings: [] }
    const ports: SyncPorts = {
      load: (series) => {
        port.reads += 1
        return Promise.resolve(read(series))
      },
      save: (series, drawings, base) => {
        port.failures -= 1
        if (port.failures >= 0) return Promise.reject(new TypeError('offline'))
        const now = read(series)
        const next = now.version === base.version ? drawings : merged(base.drawings, drawings, now.drawings)
        const kept = { version: now.version + 1, drawings: next }
        saved.set(series, kept)
        return Promise.resolve(kept)
      },
      user: () => port.user,
    }
    return { saved, port, ports }
  }
  const ids = (kept: Kept | undefined) => kept?.drawings.map((each) => each.id)

  it('tries again until the server has the newest, and says that it waits', async () => {
    vi.useFakeTimers()
    const { saved, port, ports } = makeServer()
    port.failures = 2
    const sync = new DrawingSync(ports)
    sync.keep('bybit:X', [drawing('a')])
    sync.keep('bybit:X', [drawing('a'), drawing('b')])
    sync.keep('bybit:Y', [drawing('c')])
    await vi.advanceTimersByTimeAsync(700)
    expect(sync.state.get()).toBe('unsaved')
    expect(await sync.load('bybit:X')).toHaveLength(2)
    expect(port.reads).toBe(0)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(sync.state.get()).toBe('saved')
    expect([ids(saved.get('bybit:X')), ids(saved.get('bybit:Y'))]).toEqual([['a', 'b'], ['c']])
  })

  it('keeps those of a visitor on the device', async () => {
    const { saved, port, ports } = makeServer()
    port.user = ''
    const sync = new DrawingSync(ports)
    sync.keep('bybit:X', [drawing('a')])
    await sync.flush()
    expect(saved.size).toBe(0)
    expect(await sync.load('bybit:X')).toEqual([drawing('a')])
  })

  it('does not bring back what another device deleted, and shows what it added', async () => {
    vi.useFakeTimers()
    const { saved, ports } = makeServer()
    saved.set('bybit:X', { version: 1, drawings: [drawing('a'), drawing('b')] })
    const sync = new DrawingSync(ports)
    const shown = vi.fn()
    sync.watch('bybit:X', shown)
    const held = await sync.load('bybit:X')
    saved.set('bybit:X', { version: 2, drawings: [drawing('b'), drawing('theirs')] })
    sync.keep('bybit:X', [...held, drawing('ours')], shown)
    await vi.advanceTimersByTimeAsync(700)
    expect(ids(saved.get('bybit:X'))).toEqual(['b', 'theirs', 'ours'])
    expect(shown).toHaveBeenCalledExactlyOnceWith(saved.get('bybit:X')?.drawings)
  })

  it('knows after the page was closed what the waiting ones were made from', async () => {
    vi.useFakeTimers()
    const { saved, port, ports } = makeServer()
    saved.set('bybit:X', { version: 1, drawings: [drawing('a'), drawing('b')] })
    const closed = new DrawingSync(ports)
    const held = await closed.load('bybit:X')
    port.failures = 1
    closed.keep('bybit:X', [...held, drawing('ours')])
    await vi.advanceTimersByTimeAsync(700)
    saved.set('bybit:X', { version: 2, drawings: [drawing('b')] })
    await new DrawingSync(ports).flush()
    expect(ids(saved.get('bybit:X'))).toEqual(['b', 'ours'])
  })

  it('loses nothing of an account to what is drawn while nobody is signed in', async () => {
    vi.useFakeTimers()
    const { saved, port, ports } = makeServer()
    saved.set('bybit:X', { version: 7, drawings: [drawing('a'), drawing('b')] })
    const sync = new DrawingSync(ports)
    await sync.load('bybit:X')
    port.user = ''
    expect(await sync.load('bybit:X')).toEqual([])
    sync.keep('bybit:X', [drawing('x')])
    port.user = 'ann'
    await sync.flush()
    expect((await sync.load('bybit:X')).map((each) => each.id)).toEqual(['a', 'b'])
    sync.keep('bybit:X', [drawing('a'), drawing('b'), drawing('c')])
    await vi.advanceTimersByTimeAsync(700)
    expect(ids(saved.get('bybit:X'))).toEqual(['a', 'b', 'c'])
    port.user = ''
    expect((await sync.load('bybit:X')).map((each) => each.id)).toEqual(['x'])
  })

  it('sends what waits of one user to nobody else', async () => {
    vi.useFakeTimers()
    const { saved, port, ports } = makeServer()
    const sync = new DrawingSync(ports)
    port.failures = 1
    sync.keep('bybit:X', [drawing('ours')])
    await vi.advanceTimersByTimeAsync(700)
    expect(sync.state.get()).toBe('unsaved')
    port.user = 'bob'
    expect(await sync.load('bybit:X')).toEqual([])
    await vi.advanceTimersByTimeAsync(100_000)
    expect([saved.size, sync.state.get()]).toEqual([0, 'saved'])
    port.user = 'ann'
    await sync.flush()
    expect(ids(saved.get('bybit:X'))).toEqual(['ours'])
  })

  it('adds what is drawn before the server has told what there is', async () => {
    vi.useFakeTimers()
    const { saved, ports } = makeServer()
    saved.set('bybit:X', { version: 3, drawings: [drawing('a')] })
    const sync = new DrawingSync(ports)
    await sync.load('bybit:X')
    const again = sync.load('bybit:X')
    sync.keep('bybit:X', [drawing('early')])
    expect((await again).map((each) => each.id)).toEqual(['a', 'early'])
    await vi.advanceTimersByTimeAsync(700)
    expect(ids(saved.get('bybit:X'))).toEqual(['a', 'early'])
  })

  it('takes no older answer for the drawings when newer ones were kept meanwhile', async () => {
    vi.useFakeTimers()
    const { saved, ports } = makeServer()
    saved.set('bybit:X', { version: 3, drawings: [drawing('a')] })
    let answer: () => void = () => undefined
    const sync = new DrawingSync({
      ...ports,
      load: async (series) => {
        const kept = await ports.load(series)
        await new Promise<void>((come) => (answer = come))
        return kept
      },
    })
    const loaded = sync.load('bybit:X')
    await vi.advanceTimersByTimeAsync(0)
    sync.keep('bybit:X', [drawing('drawn')])
    await vi.advanceTimersByTimeAsync(700)
    expect(ids(saved.get('bybit:X'))).toEqual(['a', 'drawn'])
    answer()
    expect((await loaded).map((each) => each.id)).toEqual(['a', 'drawn'])
    sync.keep('bybit:X', [drawing('a')])
    await vi.advanceTimersByTimeAsync(700)
    expect(ids(saved.get('bybit:X'))).toEqual(['a'])
  })

  it('tells the other charts of the page, and not the one that drew', () => {
    const sync = new DrawingSync({ ...makeServer().ports, user: () => '' })
    const [mine, other, elsewhere] = [vi.fn(), vi.fn(), vi.fn()]
    sync.watch('bybit:X', mine)
    const unwatch = sync.watch('bybit:X', other)
    sync.watch('bybit:Y', elsewhere)
    sync.keep('bybit:X', [drawing('a')], mine)
    unwatch()
    sync.keep('bybit:X', [], mine)
    expect([mine, other, elsewhere].map((each) => each.mock.calls.length)).toEqual([0, 1, 0])
  })
})
