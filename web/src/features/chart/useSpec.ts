import { useLocation, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useEffect, useEffectEvent, useMemo } from 'react'

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
import { ahead, changeCell, changeWorkspace, workspace } from './workspace'

/** The charts of the workspace. The address names the series and the timeframe of the one in front. */
export function useSpecs() {
  const { source, symbol } = useParams({ from: '/chart/$source/$symbol' })
  const { tf } = useSearch({ from: '/chart/$source/$symbol' })
  const navigate = useNavigate()
  const { cells, active, layout } = useStore(workspace)
  const own = useStore(ownSeries)
  const user = useUserId()
  const named = `${source}:${symbol}`
  const kept = cells[active]
  /** Another chart was brought to the front, and the address does not name it yet. */
  const leads = useStore(ahead)
  const asked = asTimeframe(tf)
  const there = kept?.series === named
  const arrived = there && shown(kept, own) === asked
  /** The layout that wrote the address, which changes before its page does: `undefined` until both agree. */
  const writer = useLocation({
    select: ({ pathname, search, state }) =>
      decodeURI(pathname) === `/chart/${source}/${symbol}` && search.tf === tf ? (state.layout ?? '') : undefined,
  })
  /** Going back led to an address of another layout, which says nothing about the charts of this one. */
  const foreign = Boolean(writer) && layout !== undefined && writer !== layout.id
  const waits = (leads || foreign) && !arrived
  const unsigned = writer === '' && layout !== undefined && there && (arrived || !asked)
  const series = (waits ? kept?.series : undefined) ?? named
  const wanted = waits ? undefined : asked
  const specs = useMemo(
    () =>
      cells.map((cell, index): ChartSpec => {
        const next = index === active ? moved(index, cell, series) : cell
        const timeframe = (index === active && wanted) || next.timeframe
        return { ...next, timeframe: shown({ ...next, timeframe }, own) }
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
    const now = workspace.get().cells[active]
    if (front && now && (now.series !== series || now.timeframe !== timeframe)) changeCell(active, front)
    specs.forEach((spec, index) => keepHalf(index, spec))
  }, [active, front, keeps, series, specs, timeframe])

  useEffect(() => keepWorkspace(), [user])

  const sign = useEffectEvent(() => navigate({ to: '.', search: true, replace: true, state: state() }))
  useEffect(() => {
    if (unsigned) void sign()
  }, [unsigned])

  const lead = useEffectEvent(() => front && goTo(front, foreign))
  useEffect(() => {
    if (waits) lead()
    else ahead.set(false)
  }, [waits, named, tf, front])
  useEffect(() => () => ahead.set(false), [])

  useEffect(() => {
    if (wanted && wanted !== timeframe) void navigate({ to: '.', search: { tf: timeframe }, replace: true })
  }, [navigate, timeframe, wanted])

  const state = () => ({ keepFocus: true, layout: layout?.id })

  function goTo(next: { series: string; timeframe: Timeframe }, replace = next.series === named) {
    const [nextSource, nextSymbol] = splitSeries(next.series)
    void navigate({
      to: '/chart/$source/$symbol',
      params: { source: nextSource, symbol: nextSymbol },
      search: { tf: next.timeframe },
      replace,
      state: state(),
    })
  }

  /** Brings another chart of the workspace to the front. */
  function activate(index: number) {
    const next = specs[index]
    if (!next || index === active) return
    ahead.set(true)
    changeWorkspace({ active: index })
  }

  return { specs, active, goTo, activate }
}

/** The bars that a chart can show: those of own data are made of longer ones than some timeframes. */
function shown({ series, timeframe }: Pick<ChartSpec, 'series' | 'timeframe'>, own: ReturnType<typeof ownSeries.get>) {
  const base = own.get(series)?.base
  return base ? madeOf(timeframe, base) : timeframe
}
