import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'

import { session } from '@/api/session'
import { scriptsQuery } from '@/features/scripts/queries'
import type { ScriptSummary } from '@/features/scripts/types'
import { useStore } from '@/lib/store'

import { indicatorsQuery } from '../data/catalogue'
import type { Drawable } from '../data/drawable'
import { scriptIdOf } from '../data/drawable'
import type { ChartEngine } from '../engine/ChartEngine'
import type { IndicatorSpec } from '../engine/spec'
import { Trouble } from './Trouble'

/** Draws the indicators of a chart, as the catalogue knows them, and the user's scripts among them. */
export function Indicators({ engine, indicators }: { engine: ChartEngine; indicators: IndicatorSpec[] }) {
  const { data, error, refetch } = useQuery({ ...indicatorsQuery, enabled: indicators.length > 0 })
  const scripts = useScripts(indicators)
  useEffect(() => {
    const known = indicators.flatMap((each) => {
      const indicator = data?.find((entry) => entry.id === each.id) ?? scripts.drawables.get(each.id)
      return indicator ? [{ spec: each, indicator }] : []
    })
    engine.outputs.setIndicators(known)
  }, [engine, data, scripts.drawables, indicators])
  return (
    <>
      {error && !data && indicators.length > 0 && (
        <Trouble retry={() => void refetch()}>The indicators of this chart could not be loaded.</Trouble>
      )}
      {scripts.error !== null && <Trouble retry={scripts.retry}>Your scripts could not be loaded.</Trouble>}
    </>
  )
}

/** The scripts among some indicators. One keeps its drawable until it has another version. */
function useScripts(indicators: IndicatorSpec[]) {
  const signedIn = useStore(session).status === 'in'
  const ids = [...new Set(indicators.flatMap((each) => scriptIdOf(each.id) ?? []))].sort().join()
  const { data, error, refetch } = useQuery({ ...scriptsQuery, enabled: signedIn && ids !== '' })
  const wanted = ids === '' ? [] : ids.split(',')
  const kept = data && wanted.map((id) => data.find((each) => each.id === id) ?? id)
  const known = JSON.stringify(kept?.map(keyOf) ?? [])
  const [drawables, setDrawables] = useState<ReadonlyMap<string, Drawable>>(NONE)
  const made = useRef(new Map<string, Drawable>())
  useEffect(() => {
    if (!kept || kept.length === 0) return
    let stopped = false
    void import('../data/scripts').then(({ goneScript, ofScript }) => {
      if (stopped) return
      const next = kept.map((each): [string, Drawable] => {
        const make = () => (typeof each === 'string' ? goneScript(each) : ofScript(each))
        return [keyOf(each), made.current.get(keyOf(each)) ?? make()]
      })
      made.current = new Map(next)
      setDrawables(new Map(next.map(([, each]) => [each.id, each])))
    })
    return () => void (stopped = true)
    // `known` says when one of them is another.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [known])
  return { drawables, error: ids !== '' && !data ? error : null, retry: () => void refetch() }
}

const NONE: ReadonlyMap<string, Drawable> = new Map()

/** A script by its id is one that is gone. */
const keyOf = (kept: ScriptSummary | string) =>
  typeof kept === 'string' ? kept : [kept.id, kept.version, kept.name].join(' ')
