import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'

import { session } from '@/api/session'
import type { Dataset } from '@/features/datasets/queries'
import { datasetsQuery, isUnderWay } from '@/features/datasets/queries'
import { useStore } from '@/lib/store'

import { asTimeframe } from '../data/timeframes'
import type { OwnSeries } from './store'
import { ownSeries, signalSets } from './store'

const NONE: Dataset[] = []

/** The user's own data, newest first. `known`: it is here, or there is nobody to ask for; `error`: why it is not. */
export function useOwnData() {
  const signedIn = useStore(session).status === 'in'
  const { data, error, refetch } = useQuery({ ...datasetsQuery, enabled: signedIn })
  const known = !signedIn || data !== undefined
  const datasets = (signedIn && data?.datasets) || NONE
  return useMemo(() => {
    const ready = datasets.filter((each) => each.state === 'ready')
    return {
      signedIn,
      known,
      error: known ? null : error,
      retry: () => void refetch(),
      bars: ready.filter((each) => each.kind === 'bars'),
      signals: ready.filter((each) => each.kind === 'signals'),
      coming: datasets.some((each) => each.kind === 'bars' && isUnderWay(each)),
    }
  }, [datasets, signedIn, known, error, refetch])
}

export type OwnData = ReturnType<typeof useOwnData>

/** Teaches the page the names and the bars of own data, so that nobody has to read ids. */
export function useOwnNames(bars: readonly Dataset[], signals: readonly Dataset[]): void {
  useEffect(() => signalSets.set(new Map(signals.map((each) => [each.id, each.name]))), [signals])
  useEffect(() => {
    const known = bars.flatMap((each): [string, OwnSeries][] => {
      const base = asTimeframe(each.timeframe ?? undefined)
      return base ? [[each.series, { name: each.name, base }]] : []
    })
    ownSeries.set(new Map(known))
  }, [bars])
}
