import { useEffect, useEffectEvent } from 'react'

import { isTyping } from '@/app/actions'
import { appearance } from '@/lib/appearance'

import type { Timeframe } from './data/timeframes'
import { TIMEFRAME_KEYS } from './data/timeframes'

export interface ChartKeys {
  onTimeframe: (timeframe: Timeframe) => void
  onFullscreen: () => void
}

/** 1 to 9 choose a timeframe, f fills the screen. They rest while somebody types or a dialog is open. */
export function useChartKeys(keys: ChartKeys): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return
    if (event.defaultPrevented || document.querySelector('[role=dialog]')) return
    if (!appearance.get().letterKeys) return
    const timeframe = /^[1-9]$/.test(event.key) ? TIMEFRAME_KEYS[Number(event.key) - 1] : undefined
    if (timeframe) keys.onTimeframe(timeframe)
    else if (event.key === 'f') keys.onFullscreen()
    else return
    event.preventDefault()
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event)
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])
}
