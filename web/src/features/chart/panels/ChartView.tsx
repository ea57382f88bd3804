import { lazy, Suspense, useEffect, useRef, useState } from 'react'

import { paintRevision } from '@/lib/appearance'
import { useStore } from '@/lib/store'

import { useAlertLines } from '../alerts/useAlertLines'
import { ChartEngine } from '../engine/ChartEngine'
import type { ChartSpec } from '../engine/spec'
import { isOwn } from '../engine/spec'
import { modeOf } from '../own/modes'
import { keepPlace, placeOf } from '../own/places'
import { livePorts } from '../services'
import { useDrawings } from '../useDrawings'
import { symbolWords } from '../words'
import { AlertBar } from './AlertBar'
import { ChartMenu } from './ChartMenu'
import { ChartReader } from './ChartReader'
import { ChartStates } from './ChartStates'
import { SelectionBar } from './DrawingTools'
import { Indicators } from './Indicators'
import { Legend } from './Legend'
import { NewestButton } from './NewestButton'
import type { OutputActions } from './OutputLegend'
import { OverlayLegend } from './OutputLegend'
import { PaneLegends } from './PaneLegends'
import { Foot, Trouble } from './Trouble'

const Marks = lazy(() => import('./Marks'))

/** One chart with its legends and its states. */
export function ChartView({
  index,
  spec,
  simulated,
  actions,
  onEngine,
}: {
  index: number
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
    const { series, timeframe } = first.current
    const created = new ChartEngine(box.current, first.current, livePorts, placeOf(index, series, timeframe))
    setEngine(created)
    onEngine(created)
    const leave = () => keepPlaceOf(created, index, first.current.series)
    window.addEventListener('pagehide', leave)
    return () => {
      window.removeEventListener('pagehide', leave)
      leave()
      onEngine(null)
      created.dispose()
    }
  }, [index, onEngine])

  useEffect(() => {
    const before = first.current
    first.current = spec
    if (!engine) return
    if (before.series !== spec.series) keepPlaceOf(engine, index, before.series)
    const isBack = modeOf(before.series) !== modeOf(spec.series)
    engine.show(spec, isBack ? placeOf(index, spec.series, spec.timeframe) : null)
  }, [engine, index, spec])

  useEffect(() => engine?.repaint(), [engine, revision])
  useAlertLines(engine, spec.series)
  const drawings = useDrawings(engine, spec.series)

  return (
    <div className="relative size-full min-h-0 overflow-hidden">
      <ChartReader engine={engine} label={`Chart of ${symbolWords(spec.series)}`}>
        <div ref={box} className="isolate size-full" />
      </ChartReader>
      {engine && (
        <Foot>
          <div className="pointer-events-none absolute top-2 left-3 z-10 max-w-[calc(100%-96px)]">
            <Legend engine={engine} spec={spec} />
            <OverlayLegend engine={engine} actions={actions} />
            {simulated && [spec.series, ...spec.compare].some((each) => !isOwn(each)) && (
              <p className="text-xs text-muted">Simulated market</p>
            )}
          </div>
          <SelectionBar engine={engine} />
          <AlertBar engine={engine} series={spec.series} />
          <PaneLegends engine={engine} actions={actions} />
          <Indicators engine={engine} indicators={spec.indicators} />
          <NewestButton engine={engine} />
          <ChartStates engine={engine} series={spec.series} />
          <ChartMenu engine={engine} series={spec.series} />
          <Suspense>
            <Marks engine={engine} spec={spec} />
          </Suspense>
          {drawings.error !== null && (
            <Trouble retry={drawings.retry}>
              Your drawings could not be loaded. What you draw now is added to them.
            </Trouble>
          )}
        </Foot>
      )}
    </div>
  )
}

/** Of a series whose bars are here: before that nobody can tell where they looked. */
function keepPlaceOf(engine: ChartEngine, index: number, series: string): void {
  const state = engine.feed.state.get()
  if (state.phase === 'ready' && state.series === series) keepPlace(index, series, engine.place())
}
