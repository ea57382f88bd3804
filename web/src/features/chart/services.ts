import { stream } from '@/api/live'
import { serverNow } from '@/lib/clock'

import { fetchBars } from './data/api'
import type { TickFrame } from './data/tickStore'
import type { EnginePorts } from './engine/ChartEngine'

/** The server and its stream, as a chart needs them. */
export const livePorts: EnginePorts = {
  fetchBars,
  watch: (topic, onFrame) => stream.watch(topic, (data) => onFrame(data as TickFrame)),
  now: serverNow,
  onLive: (listener) => stream.status.subscribe(() => stream.status.get() === 'live' && listener()),
}
