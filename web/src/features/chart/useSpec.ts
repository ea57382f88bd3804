import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useEffect, useMemo } from 'react'

import { useStore } from '@/lib/store'

import { splitSeries } from './data/series'
import type { Timeframe } from './data/timeframes'
import { asTimeframe } from './data/timeframes'
import type { ChartSpec } from './engine/spec'
import { withSeries } from './engine/spec'
import { rememberChart } from './last'
import { keepWorkspace } from './layoutSync'

import { symbolWords } from './words'
import { changeCell, changeWorkspace, workspace } from './workspace'

/** The charts of the workspace. The address names the series and the timeframe of the one in front. */
export function useSpecs() {
  const { source, symbol } = useParams({ from: '/chart/$source/$symbol' })
  const { tf } = useSearch({ from: '/chart/$source/$symbol' })
  const navigate = useNavigate()
  const { cells, active } = useStore(workspace)
  const series = `${source}:${symbol}`
  const timeframe = asTimeframe(tf) ?? cells[active]?.timeframe ?? '15m'
  const specs = useMemo(
    () => cells.map((cell, index): ChartSpec => (index === active ? { ...withSeries(cell, series), timeframe } : cell)),
    [cells, active, series, timeframe],
  )

  useEffect(() => {
    document.title = `${symbolWords(series)} · Holdfast`
    rememberChart(source, symbol, timeframe)
    const kept = workspace.get().cells[active]
    if (kept && (kept.series !== series || kept.timeframe !== timeframe))
      changeCell(active, { ...withSeries(kept, series), timeframe })
  }, [active, series, source, symbol, timeframe])

  useEffect(() => keepWorkspace(), [])

  function goTo(next: { series: string; timeframe: Timeframe }) {
    const [nextSource, nextSymbol] = splitSeries(next.series)
    void navigate({
      to: '/chart/$source/$symbol',
      params: { source: nextSource, symbol: nextSymbol },
      search: { tf: next.timeframe },
      replace: next.series === series,
      state: { keepFocus: true },
    })
  }

  /** Brings another chart of the workspace to the front. */
  function activate(index: number) {
    const next = specs[index]
    if (!next || index === active) return
    changeWorkspace({ active: index })
    goTo(next)
  }

  return { specs, active, goTo, activate }
}
