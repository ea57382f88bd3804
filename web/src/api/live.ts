import { useCallback, useEffect, useEffectEvent, useSyncExternalStore } from 'react'

import { useStore } from '@/lib/store'

import { queryClient } from './queries'
import { distrustToken, freshToken } from './session'
import { Stream } from './stream'
import { systemQuery } from './system'

/** Where the system says that the stream is. What was said before is good enough to begin with. */
async function address(): Promise<string> {
  const { stream_url } = await queryClient.ensureQueryData({ ...systemQuery, revalidateIfStale: true })
  const found = new URL(stream_url, globalThis.location.origin)
  found.protocol = found.protocol.replace('http', 'ws')
  return found.href
}

/** The page's one stream. */
export const stream = new Stream({ url: address, token: freshToken, distrusted: distrustToken })

/** The latest data of a topic, or undefined before the first and where the API has told the same thing since the
 * stream ended, at `answeredAt` (ms). Null watches nothing. */
export function useTopic<Data>(topic: string | null, answeredAt = 0): Data | undefined {
  const subscribe = useCallback((listener: () => void) => watch(topic, listener), [topic])
  const peek = () => (topic ? (stream.peek(topic, answeredAt) as Data | undefined) : undefined)
  return useSyncExternalStore(subscribe, peek)
}

/** Told of frames, and when the stream ends. */
function watch(topic: string | null, listener: () => void): () => void {
  if (!topic) return () => undefined
  const ends = [stream.watch(topic, listener), stream.status.subscribe(listener)]
  return () => ends.forEach((end) => end())
}

/** Calls back with every frame of a topic. */
export function useFrames<Data>(topic: string | null, onFrame: (data: Data) => void): void {
  const receive = useEffectEvent(onFrame)
  useEffect(() => (topic ? stream.watch(topic, (data) => receive(data as Data)) : undefined), [topic])
}

/** False while what is shown may be old. */
export function useIsLive(): boolean {
  const status = useStore(stream.status)
  return status === 'live' || status === 'connecting'
}
