import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'

import { indicatorsQuery } from '../data/catalogue'
import type { ChartEngine } from '../engine/ChartEngine'
import type { IndicatorSpec } from '../engine/spec'
import { Trouble } from './Trouble'

/** Draws the indicators of a chart, as the catalogue knows them. */
export function Indicators({ engine, indicators }: { engine: ChartEngine; indicators: IndicatorSpec[] }) {
  const { data, error, refetch } = useQuery({ ...indicatorsQuery, enabled: indicators.length > 0 })
  useEffect(() => {
    const known = indicators.flatMap((each) => {
      const indicator = data?.find((entry) => entry.id === each.id)
      return indicator ? [{ spec: each, indicator }] : []
    })
    engine.outputs.setIndicators(known)
  }, [engine, data, indicators])
  if (!error || data || indicators.length === 0) return null
  return <Trouble retry={() => void refetch()}>The indicators of this chart could not be loaded.</Trouble>
}
