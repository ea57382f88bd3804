import { useEffect, useMemo, useRef, useState } from 'react'

import { ProblemError } from '@/api/problem'
import { ofSource } from '@/features/chart/data/scripts'
import { ChartEngine } from '@/features/chart/engine/ChartEngine'
import type { ChartSpec } from '@/features/chart/engine/spec'
import { DEFAULT_SPEC, isIndex } from '@/features/chart/engine/spec'
import { useMarkPointer } from '@/features/chart/marks/useMarkPointer'
import { ChartReader } from '@/features/chart/panels/ChartReader'
import { ChartStates } from '@/features/chart/panels/ChartStates'
import { MarkCard } from '@/features/chart/panels/MarkCard'
import { OverlayLegend } from '@/features/chart/panels/OutputLegend'
import { PaneLegends } from '@/features/chart/panels/PaneLegends'
import { Foot } from '@/features/chart/panels/Trouble'
import { livePorts } from '@/features/chart/services'
import { symbolWords } from '@/features/chart/words'
import { paintRevision } from '@/lib/appearance'
import { useStore } from '@/lib/store'

import type { Fault } from './types'
import type { Place, Trial } from './useWorkbench'

interface Props {
  /** null: only the bars. */
  trial: Trial | null
  place: Place
  /** What the script says when it gives nothing; null once it gives something. */
  onFault: (fault: Fault | null) => void
}

/** Bars with what a source that need not be saved makes of them. */
export default function PreviewChart({ trial, place, onFault }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const spec = useMemo(() => specOf(place), [place])
  const first = useRef(spec)
  const [engine, setEngine] = useState<ChartEngine | null>(null)
  const revision = useStore(paintRevision)

  useEffect(() => {
    if (!box.current) return
    const created = new ChartEngine(box.current, first.current, livePorts)
    setEngine(created)
    return () => created.dispose()
  }, [])
  useEffect(() => engine?.show(spec), [engine, spec])
  useEffect(() => engine?.repaint(), [engine, revision])
  useOutput(engine, trial, onFault)

  return (
    <div className="relative h-[340px] overflow-hidden border-y border-hairline max-md:h-[300px]">
      <ChartReader engine={engine} label={`Preview on ${symbolWords(place.series)}`}>
        <div ref={box} className="isolate size-full" />
      </ChartReader>
      {engine && (
        <Foot>
          <div className="pointer-events-none absolute top-1 left-3 z-10 max-w-[calc(100%-96px)]">
            <OverlayLegend engine={engine} actions={null} />
          </div>
          <PaneLegends engine={engine} actions={null} />
          <ChartStates engine={engine} series={place.series} />
          <Marks engine={engine} />
        </Foot>
      )}
    </div>
  )
}

function specOf({ series, timeframe }: Place): ChartSpec {
  const type = isIndex(series) ? 'line' : 'candles'
  return { ...DEFAULT_SPEC, series, timeframe, type, volume: false }
}

function Marks({ engine }: { engine: ChartEngine }) {
  useMarkPointer(engine)
  const shown = useStore(engine.marks.shown)
  return shown && <MarkCard engine={engine} shown={shown} />
}

function useOutput(engine: ChartEngine | null, trial: Trial | null, onFault: Props['onFault']) {
  const source = trial?.source
  const inputs = trial?.inputs
  const drawable = useMemo(() => (source === undefined ? null : ofSource(source)), [source])
  const latest = useRef(onFault)
  useEffect(() => {
    latest.current = onFault
  })
  useEffect(() => {
    if (!engine || !drawable || !inputs) return engine?.outputs.setIndicators([])
    engine.outputs.setIndicators([
      { spec: { key: 'preview', id: drawable.id, inputs, hidden: false }, indicator: drawable },
    ])
    const [view] = engine.outputs.indicators.get()
    if (!view) return
    const { error } = view.feed
    return error.subscribe(() => latest.current(faultOf(error.get())))
  }, [engine, drawable, inputs])
}

const KINDS: readonly Fault['kind'][] = ['syntax', 'script', 'limit', 'refused', 'result']

function faultOf(error: unknown): Fault | null {
  if (!(error instanceof ProblemError)) return null
  const kind = KINDS.find((each) => each === error.problem.kind)
  return kind ? { kind, message: error.problem.detail, line: error.line } : null
}
