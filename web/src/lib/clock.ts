import { useSyncExternalStore } from 'react'

/** Dates of answers have whole seconds and arrive late: differences below this say nothing. */
const NOTICEABLE = 5_000

let serverAhead = 0

/** Learns the server's clock from the Date header of an answer, so that a wrong local clock expires nothing. */
export function learnServerTime(header: string | null): void {
  const told = header ? Date.parse(header) : NaN
  if (Number.isNaN(told)) return
  const ahead = told - Date.now()
  serverAhead = Math.abs(ahead) < NOTICEABLE ? 0 : ahead
}

/** Milliseconds since 1970 by the server's clock. */
export function serverNow(): number {
  return Date.now() + serverAhead
}

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined
let tick = serverNow()

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  tick = serverNow()
  timer ??= setInterval(() => {
    tick = serverNow()
    for (const each of [...listeners]) each()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** The server's time, renewed every second while something watches it. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => tick)
}
