import { ws } from 'msw'
import { setupWorker } from 'msw/browser'

import { candleFrame } from './candles'
import { handlers } from './handlers'
import { nudgePositions } from './positions'
import { strategiesFrame } from './strategies'
import { advance, world } from './world'

const link = ws.link(`${location.origin.replace('http', 'ws')}/api/stream`)

/** The stream of the mocked world: levels drift, executions advance, P&L moves. */
const stream = link.addEventListener('connection', ({ client }) => {
  const topics = new Set<string>()
  const say = (topic: string, data: unknown) => client.send(JSON.stringify({ topic, data }))

  function state(topic: string): unknown {
    const [kind = '', id = ''] = topic.split(':')
    if (kind === 'indices') return world.indices.map(tick)
    if (kind === 'index') return world.indices.filter((index) => index.id === id).map(tick)[0]
    if (kind === 'execution') return advance(id)
    if (kind === 'candles') return candleFrame(topic)
    if (kind === 'strategies') return strategiesFrame()
    if (kind === 'positions') return { positions: nudgePositions() }
    if (kind === 'position') return { position: world.positions.get(id) }
    return undefined
  }

  client.addEventListener('message', (event) => {
    const message = JSON.parse(String(event.data)) as { op: string; topics?: string[] }
    if (message.op === 'auth') client.send(JSON.stringify({ op: 'authenticated' }))
    for (const topic of message.topics ?? []) {
      if (message.op === 'subscribe') topics.add(topic)
      else topics.delete(topic)
    }
  })
  client.send(JSON.stringify({ op: 'ready' }))
  const timer = setInterval(() => {
    for (const index of world.indices) index.level = (index.level ?? 1) * (1 + (Math.random() - 0.5) * 0.0004)
    for (const topic of topics) {
      const data = state(topic)
      if (data && !topic.startsWith('candles:')) say(topic, data)
    }
  }, 700)
  const quick = setInterval(() => {
    for (const topic of topics) if (topic.startsWith('candles:')) say(topic, candleFrame(topic))
  }, 250)
  client.addEventListener('close', () => {
    clearInterval(timer)
    clearInterval(quick)
  })
})

function tick(index: (typeof world.indices)[number]) {
  return {
    index_id: index.id,
    level: index.level,
    change_24h: index.change_24h,
    as_of: new Date().toISOString(),
    stale_reason: '',
    members: {},
  }
}

export async function startMocks(): Promise<void> {
  await setupWorker(...handlers, stream).start({ quiet: true, onUnhandledRequest: 'bypass' })
}
