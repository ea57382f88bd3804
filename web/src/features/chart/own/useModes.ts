import { useEffect, useEffectEvent, useState } from 'react'

import type { Dataset } from '@/features/datasets/queries'

import type { Timeframe } from '../data/timeframes'
import { asTimeframe } from '../data/timeframes'
import type { ChartSpec } from '../engine/spec'
import type { Mode } from './modes'
import { halfOf, liveHalf, modeOf } from './modes'

interface Target {
  series: string
  timeframe: Timeframe
}

/**
 * Goes between markets and own data, back to what was left there. `empty`: Custom is asked for, and there is nothing in
 * it yet.
 */
export function useModes(
  index: number,
  spec: ChartSpec | undefined,
  bars: readonly Dataset[],
  goTo: (target: Target) => void,
) {
  const [asked, setAsked] = useState<ChartSpec['series'] | null>(null)
  const series = spec?.series ?? ''
  /** Going anywhere else is another answer. */
  const waits = asked === series && modeOf(series) === 'live'
  const target = waits ? ownTarget(index, bars) : null
  const arrived = useEffectEvent(() => target && goTo(target))
  useEffect(() => void arrived(), [target?.series])

  function switchTo(mode: Mode) {
    if (mode === 'live') {
      setAsked(null)
      if (modeOf(series) === 'custom') goTo(liveHalf(index))
    } else setAsked(series)
  }

  return { mode: waits ? ('custom' as const) : modeOf(series), empty: waits && !target, switchTo }
}

/** What was shown of own data last, if it is still there, else the newest. */
export function ownTarget(index: number, bars: readonly Dataset[]): Target | null {
  const half = halfOf(index, 'custom')
  if (half && bars.some((each) => each.series === half.series)) return half
  const [newest] = bars
  return newest ? { series: newest.series, timeframe: asTimeframe(newest.timeframe ?? undefined) ?? '1d' } : null
}
