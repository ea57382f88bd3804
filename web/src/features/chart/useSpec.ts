import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useEffect, useMemo, useState } from 'react'

import { useStore } from '@/lib/store'

import { splitSeries } from './data/series'
import type { Timeframe } from './data/timeframes'
import { asTimeframe, madeOf } from './data/timeframes'
import type { ChartSpec } from './engine/spec'
import { isOwn } from './engine/spec'
import { rememberChart } from './last'
import { keepWorkspace } from './layoutSync'
import { keepHalf, moved } from './own/modes'
import { ownSeries } from './own/store'
import { useUserId } from './userStorage'
import { symbolWords } from './words'
import { changeCell, changeWorkspace, workspace } from './workspace'

/** The charts of the workspace. The address names the series and the timeframe of the one in front. */
export function useSpecs() {
  const { source, symbol } = useParams({ from: '/chart/$source/$symbol' })
  const { tf } = useSearch({ from: '/chart/$source/$symbol' })
  const navigate = useNavigate()
  const { cells, active } = useStore(workspace)
  const own = useStore(ownSeries)
  const user = useUserId()
  const named = `${source}:${symbol}`
  /** Another chart was brought to the front, and the address does not name it yet. */
  const [going, setGoing] = useState<string | null>(null)
  if (going === named) setGoing(null)
  const waits = going !== null && going !== named
  const series = (waits ? cells[active]?.series : undefined) ?? named
  const wanted = waits ? undefined : asTimeframe(tf)
  const specs = useMemo(
    () =>
      cells.map((cell, index): ChartSpec => {
        const next = index === active ? moved(index, cell, series) : cell
        const timeframe = (index === active && wanted) || next.timeframe
        const base = own.get(next.series)?.base
        return { ...next, timeframe: base ? madeOf(timeframe, base) : timeframe }
      }),
    [cells, active, series, wanted, own],
  )
  const front = specs[active]
  const timeframe = front?.timeframe ?? '15m'
  const name = symbolWords(series)

  useEffect(() => {
    document.title = `${name} · Holdfast`
  }, [name])

  /** An address may name the data of another user: that is not kept for this one. */
  const keeps = !isOwn(series) || own.has(series)
  useEffect(() => {
    if (!keeps) return
    rememberChart(...splitSeries(series), timeframe)
    const kept = workspace.get().cells[active]
    if (front && kept && (kept.series !== series || kept.timeframe !== timeframe)) changeCell(active, front)
    specs.forEach((spec, index) => keepHalf(index, spec))
  }, [active, front, keeps, series, specs, timeframe])

  useEffect(() => keepWorkspace(), [user])

  useEffect(() => {
    if (wanted && wanted !== timeframe) void navigate({ to: '.', search: { tf: timeframe }, replace: true })
  }, [navigate, timeframe, wanted])

  function goTo(next: { series: string; timeframe: Timeframe }) {
    const [nextSource, nextSymbol] = splitSeries(next.series)
    void navigate({
      to: '/chart/$source/$symbol',
      params: { source: nextSource, symbol: nextSymbol },
      search: { tf: next.timeframe },
      replace: next.series === named,
      state: { keepFocus: true },
    })
  }

  /** Brings another chart of the workspace to the front. */
  function activate(index: number) {
    const next = specs[index]
    if (!next || index === active) return
    setGoing(next.series)
    changeWorkspace({ active: index })
    goTo(next)
  }

  return { specs, active, goTo, activate }
}
