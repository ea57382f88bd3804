/** The market that a form begins with, while nobody has named one. */
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { symbolsQuery } from '@/features/chart/data/symbols'
import { asTimeframe } from '@/features/chart/data/timeframes'
import { isOwn } from '@/features/chart/engine/spec'
import { useOwnData } from '@/features/chart/own/useOwnData'
import { keyOf } from '@/features/chart/userStorage'
import { workspace } from '@/features/chart/workspace'
import type { ScriptView } from '@/features/scripts/types'
import { useStore } from '@/lib/store'

import type { Draft } from './draft'
import { seriesHolds } from './draft'

type Market = Pick<Draft, 'series'> & Partial<Pick<Draft, 'timeframe' | 'span'>>

const KEY = 'holdfast.market'

/** For the next form, on this device. */
export function rememberMarket({ series, timeframe }: Pick<Draft, 'series' | 'timeframe'>): void {
  localStorage.setItem(keyOf(KEY), JSON.stringify({ series, timeframe }))
}

function lastMarket(): Market | null {
  try {
    const { series, timeframe } = JSON.parse(localStorage.getItem(keyOf(KEY)) ?? '{}') as Record<string, string>
    const known = asTimeframe(timeframe)
    return series && seriesHolds(series) && known ? { series, timeframe: known } : null
  } catch {
    return null
  }
}

/**
 * The market used last; else the one the script was checked on, the one a chart shows, or the most traded one. `live`:
 * new bars of it have to come. Null until it is known.
 */
export function useUsualMarket(script: ScriptView | undefined, live: boolean): Market | null {
  const [last] = useState(lastMarket)
  const own = useOwnData()
  const { cells, active } = useStore(workspace)
  const holds = ({ series }: Market) =>
    seriesHolds(series) && (!isOwn(series) || (!live && own.bars.some((each) => each.series === series)))
  const checked = script?.findings.series
  const charts = [cells[active], ...cells].flatMap((cell) => (cell ? [{ series: cell.series }] : []))
  const mayBe: Market[] = [...(last ? [last] : []), ...(checked ? [{ series: checked }] : []), ...charts]
  const isKnown = own.known || own.error !== null || !mayBe.some(({ series }) => isOwn(series))
  const found = mayBe.find(holds)
  const most = useQuery({ ...symbolsQuery(''), enabled: isKnown && !found })
  if (!isKnown) return null
  const market = found ?? most.data?.find(holds)
  if (!market) return null
  const { series, timeframe } = market as Market
  return { series, ...(timeframe ? { timeframe } : {}), ...(isOwn(series) ? { span: 'all' } : {}) }
}
