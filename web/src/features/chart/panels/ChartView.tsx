import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'

import { paintRevision } from '@/lib/appearance'
import { useStore } from '@/lib/store'

import { useAlertLines } from '../alerts/useAlertLines'
import { indicatorsQuery } from '../data/catalogue'
import { ChartEngine } from '../engine/ChartEngine'
import type { ChartSpec } from '../engine/spec'
import { livePorts } from '../services'
import { useDrawings } from '../useDrawings'
import { useMarks } from '../useMarks'
import { AlertBar } from './AlertBar'
import { ChartMenu } from './ChartMenu'
import { ChartReader } from './ChartReader'
import { ChartStates } from './ChartStates'
import { SelectionBar } from './DrawingTools'
import { Legend } from './Legend'
import type { OutputActions } from './OutputLegend'
import { OverlayLegend } from './OutputLegend'
import { PaneLegends } from './PaneLegends'

/** One chart with its legends and its states. */
export function ChartView({
  spec,
  simulated,
  actions,
  onEngine,
}: {
  spec: ChartSpec
  simulated: boolean
  actions: OutputActions
  onEngine: (engine: ChartEngine | null) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const first = useRef(spec)
  const [engine, setEngine] = useState<ChartEngine | null>(null)
  const revision = useStore(paintRevision)

  useEffect(() => {
    if (!box.current) return
    const created = new ChartEngine(box.current, first.current, livePorts)
    setEngine(created)
    onEngine(created)
    return () => {
      onEngine(null)
      created.dispose()
    }
  }, [onEngine])

  useEffect(() => {
    first.current = spec
    engine?.show(spec)
  }, [engine, spec])

  useEffect(() => engine?.repaint(), [engine, revision])
  useIndicators(engine, spec)
  useMarks(engine, spec.series)
  useAlertLines(engine, spec.series)
  const drawingsError = useDrawings(engine, spec.series)

  return (
    <div className="relative size-full min-h-0 overflow-hidden">
      <ChartReader engine={engine} label={`Chart of ${spec.series}`}>
        <div ref={box} className="isolate size-full" />
      </ChartReader>
      {engine && (
        <>
          <div className="pointer-events-none absolute top-2 left-3 z-10 max-w-[calc(100%-96px)]">
            <Legend engine={engine} spec={spec} />
            <OverlayLegend engine={engine} actions={actions} />
          </div>
          <SelectionBar engine={engine} />
          <AlertBar engine={engine} series={spec.series} />
          <PaneLegends engine={engine} actions={actions} />
        </>
      )}
      {simulated && (
        <p className="pointer-events-none absolute bottom-9 left-3 z-10 text-xs text-muted">Simulated market</p>
      )}
      {engine && <ChartStates engine={engine} series={spec.series} />}
      {engine && <ChartMenu engine={engine} series={spec.series} />}
      {drawingsError !== null && (
        <p role="alert" className="absolute bottom-14 left-3 z-10 text-xs text-error">
          Your drawings could not be loaded. They come back when the page is reloaded.
        </p>
      )}
    </div>
  )
}

function useIndicators(engine: ChartEngine | null, spec: ChartSpec): void {
  const catalogue = useQuery({ ...indicatorsQuery, enabled: spec.indicators.length > 0 }).data
  const { indicators } = spec
  useEffect(() => {
    const known = indicators.flatMap((each) => {
      const indicator = catalogue?.find((entry) => entry.id === each.id)
      return indicator ? [{ spec: each, indicator }] : []
    })
    engine?.outputs.setIndicators(known)
  }, [engine, catalogue, indicators])
}
