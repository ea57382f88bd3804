import { useEffect, useEffectEvent, useRef } from 'react'

import { isTyping } from '@/app/actions'
import { appearance } from '@/lib/appearance'

import type { Timeframe } from './data/timeframes'
import { TIMEFRAME_KEYS } from './data/timeframes'

export interface ChartKeys {
  onTimeframe: (timeframe: Timeframe) => void
  onFullscreen: () => void
  onSearch: (typed: string) => void
  onEscape: () => void
  onUndo: () => void
  onRedo: () => void
  onAlert: () => void
  onNote: () => void
  onNewest: () => void
  onDate: () => void
}

/** With Alt, by the key's place: what it types depends on the system. */
const WITH_ALT: Partial<Record<string, 'onAlert' | 'onNote' | 'onNewest' | 'onDate'>> = {
  KeyA: 'onAlert',
  KeyN: 'onNote',
  KeyG: 'onDate',
  End: 'onNewest',
}

/** As long as the second letter of a two-letter key is waited for. */
const PAUSE = 1_200

/**
 * 1 to 9 choose a timeframe, f fills the screen, / and any other letter search for a symbol, Alt with A opens the
 * alerts, with N writes a note, with G goes to a date, with End to the newest bar. They rest while somebody types,
 * while a dialog is open, and after g, whose second letter goes somewhere.
 */
export function useChartKeys(keys: ChartKeys): void {
  const wentAt = useRef(-Infinity)
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    const command = event.metaKey || event.ctrlKey
    if (command && event.key.toLowerCase() === 'z' && !isTyping(event.target)) {
      event.preventDefault()
      if (event.shiftKey) keys.onRedo()
      else keys.onUndo()
      return
    }
    if (command || isTyping(event.target) || event.defaultPrevented || isDialogOpen()) return
    if (event.altKey) {
      const name = WITH_ALT[event.code]
      if (!name) return
      event.preventDefault()
      keys[name]()
      return
    }
    if (event.key === 'Escape') keys.onEscape()
    if (!appearance.get().letterKeys) return
    const going = event.timeStamp - wentAt.current < PAUSE
    wentAt.current = event.key === 'g' && !going ? event.timeStamp : -Infinity
    if (going || event.key === 'g') return
    const timeframe = /^[1-9]$/.test(event.key) ? TIMEFRAME_KEYS[Number(event.key) - 1] : undefined
    if (timeframe) keys.onTimeframe(timeframe)
    else if (event.key === 'f') keys.onFullscreen()
    else if (event.key === '/') keys.onSearch('')
    else if (/^[a-z]$/i.test(event.key)) keys.onSearch(event.key)
    else return
    event.preventDefault()
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event)
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])
}

function isDialogOpen(): boolean {
  return document.querySelector('[role=dialog]') !== null
}
