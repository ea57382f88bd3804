import type { Query, QueryClient, UseQueryResult } from '@tanstack/react-query'
import { useQueries } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'

import { session } from '@/api/session'
import { datasetsQuery } from '@/features/datasets/queries'
import { serverNow } from '@/lib/clock'
import { useStore } from '@/lib/store'

import { splitSeries } from '../data/series'
import type { ChartEngine } from '../engine/ChartEngine'
import type { ChartSpec } from '../engine/spec'
import { isOwn } from '../engine/spec'
import { useOwnData } from '../own/useOwnData'
import type { Found } from './fetch'
import { fetchEntries, fetchFills, fetchNews, fetchSignals } from './fetch'
import type { MarkItem, MarkKind } from './model'
import type { Span } from './tiles'
import { useOrders } from './useOrders'
import { useTiles } from './useTiles'
import { useIsTold, useToldTrades } from './useTold'

/** The only venue that orders go to. The same coin of another venue is another market, with other prices. */
const TRADED = 'bybit'
const LOOK_AGAIN_MS = 30_000
const META = { marks: true }

/** Brings what is to be marked on a chart, for the time that is on its screen. */
export function useMarks(engine: ChartEngine, spec: ChartSpec): void {
  const { series, marks } = spec
  const signedIn = useStore(session).status === 'in'
  const tiles = useTiles(engine)
  const { signals, error } = useOwnData()
  const [source, symbol] = splitSeries(series)
  const traded = signedIn && source === TRADED && marks.fills
  const told = useToldTrades(symbol, traded)
  const isTold = useIsTold(traded)
  const here = signals.filter((each) => each.series === series && !marks.hidden_signals.includes(each.id))
  const shown = here.map((each) => each.id).join()
  const drawn = (item: MarkItem) => item.kind !== 'signal' || shown.includes(item.signal.dataset_id)

  useKind(engine, 'fill', series, traded ? tiles : [], fetchFills, { told, isTold })
  useKind(engine, 'news', series, marks.news && !isOwn(series) ? tiles : [], fetchNews)
  useKind(engine, 'signal', series, shown ? tiles : [], fetchSignals, { drawn, choice: shown, lost: error !== null })
  useKind(engine, 'journal', series, signedIn && marks.journal ? tiles : [], fetchEntries)
  useOrders(engine, series, traded)
}

/** Asks again for the marks that could not be loaded, and for the list of own data, which names the signals. */
export function retryMarks(client: QueryClient): void {
  const [own] = datasetsQuery.queryKey
  const predicate = ({ meta, queryKey, state }: Query) =>
    (meta?.['marks'] === true || queryKey[0] === own) && state.status === 'error'
  void client.refetchQueries({ type: 'active', predicate })
}

/** Outside the hook, so that the same answers are the same value. */
function together(results: UseQueryResult<Found>[]) {
  return {
    pages: results.map((each) => each.data),
    waits: results.some((each) => each.isPending),
    failed: results.some((each) => each.isLoadingError),
  }
}

/** A script's marks come with its values. */
type AskedKind = Exclude<MarkKind, 'script'>

/** What is of the user's own work is asked for again whenever they change it. */
const FIRST_KEYS: Record<AskedKind, readonly string[]> = {
  fill: ['fills', 'chart'],
  news: ['news-marks'],
  signal: ['signal-marks'],
  journal: ['journal', 'marks'],
}

/** `drawn`: which of them are; `lost`: nobody can tell what there is to ask for; `told`: others that nobody had to
 * ask for, and with `isTold` nobody has to. */
interface Choice {
  drawn?: (item: MarkItem) => boolean
  choice?: string
  lost?: boolean
  told?: readonly MarkItem[]
  isTold?: boolean
}

const NONE: readonly MarkItem[] = []

/** One kind of marks: all its spans together, or what was there before while one of them is on its way. */
function useKind(
  engine: ChartEngine,
  kind: AskedKind,
  series: string,
  tiles: readonly Span[],
  fetch: (series: string, tile: Span) => Promise<Found>,
  { drawn = () => true, choice = '', lost = false, told = NONE, isTold = false }: Choice = {},
): void {
  const found = useQueries({
    queries: tiles.map((tile) => ({
      queryKey: [...FIRST_KEYS[kind], series, tile.from, tile.to, choice],
      queryFn: () => fetch(series, tile),
      staleTime: LOOK_AGAIN_MS,
      meta: META,
      refetchInterval: !isTold && tile.to * 1000 > serverNow() && LOOK_AGAIN_MS,
    })),
    combine: together,
  })
  const before = useRef<{ series: string; pages: (Found | undefined)[] }>({ series: '', pages: [] })
  useEffect(() => {
    const isOther = before.current.series !== series
    if (!found.waits || isOther) before.current = { series, pages: found.pages }
    const pages = before.current.pages.filter((page) => page !== undefined)
    const items = [...pages.flatMap((page) => page.items), ...told]
    engine.marks.set(
      kind,
      [...new Map(items.map((item) => [item.id, item])).values()].filter(drawn),
      pages.some((page) => page.more),
    )
    engine.marks.setFailed(kind, found.failed || lost)
    // `drawn` is another function each time; `choice` says when it lets others through.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [engine, kind, series, found, choice, lost, told])
}
