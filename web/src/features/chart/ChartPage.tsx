import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'

import { ChartNotice } from '@/features/indices/Attribution'
import { useSimulated } from '@/features/system/queries'
import { useStore } from '@/lib/store'

import type { Timeframe } from './data/timeframes'
import { asTimeframe } from './data/timeframes'
import type { ChartEngine } from './engine/ChartEngine'
import type { ChartSpec } from './engine/spec'
import { rememberChart } from './last'
import { HistoryNote } from './panels/ChartStates'
import { ChartView } from './panels/ChartView'
import { Toolbar } from './panels/Toolbar'
import { useChartKeys } from './useChartKeys'
import { useFillHeight } from './useFillHeight'
import { changeCell, workspace } from './workspace'

/** The chart workspace. The address names the series and the timeframe of the chart in front. */
export default function ChartPage() {
  const { source, symbol } = useParams({ from: '/chart/$source/$symbol' })
  const { tf } = useSearch({ from: '/chart/$source/$symbol' })
  const navigate = useNavigate()
  const { cells, active } = useStore(workspace)
  const simulated = useSimulated() === true
  const frame = useRef<HTMLDivElement>(null)
  const [engine, setEngine] = useState<ChartEngine | null>(null)
  const height = useFillHeight(frame)

  const cell = cells[active]
  const series = `${source}:${symbol}`
  const timeframe = asTimeframe(tf) ?? cell?.timeframe ?? '15m'
  const spec = useMemo(() => ({ ...cell, series, timeframe }) as ChartSpec, [cell, series, timeframe])

  useEffect(() => {
    document.title = `${symbol} · Holdfast`
    rememberChart(source, symbol, timeframe)
  }, [source, symbol, timeframe])

  useEffect(() => {
    if (cell && (cell.series !== series || cell.timeframe !== timeframe)) changeCell(active, { series, timeframe })
  }, [active, cell, series, timeframe])

  const chooseTimeframe = useCallback(
    (next: Timeframe) => {
      if (next === timeframe) engine?.chooseTimeframe(next)
      else void navigate({ to: '.', search: { tf: next }, replace: true })
    },
    [engine, navigate, timeframe],
  )
  const fullscreen = useCallback(() => {
    if (document.fullscreenElement) void document.exitFullscreen()
    else void frame.current?.requestFullscreen()
  }, [])
  useChartKeys({ onTimeframe: chooseTimeframe, onFullscreen: fullscreen })

  return (
    <div
      ref={frame}
      style={{ height }}
      className="-mx-4 -mt-6 -mb-28 flex flex-col overflow-hidden bg-canvas md:-mx-10 md:-mt-10 md:-mb-20"
    >
      <h1 className="sr-only">Chart of {symbol}</h1>
      <Toolbar
        spec={spec}
        symbol={symbol}
        onSearch={() => undefined}
        onTimeframe={chooseTimeframe}
        onChange={(change) => changeCell(active, change)}
      />
      <div className="min-h-0 flex-1">
        <ChartView spec={spec} simulated={simulated} onEngine={setEngine} />
      </div>
      <footer className="flex min-h-8 shrink-0 flex-wrap items-center gap-x-4 border-t border-hairline px-3 py-1 text-xs text-muted">
        <ChartNotice />
        <span>Times in UTC</span>
        {engine && <HistoryNote engine={engine} />}
      </footer>
    </div>
  )
}
