import { useEffect, useRef, useState } from 'react'

import { paintRevision } from '@/lib/appearance'
import { useStore } from '@/lib/store'

import { ChartEngine } from '../engine/ChartEngine'
import type { ChartSpec } from '../engine/spec'
import { livePorts } from '../services'
import { ChartReader } from './ChartReader'
import { ChartStates } from './ChartStates'
import { Legend } from './Legend'

/** One chart with its legend and its states. */
export function ChartView({
  spec,
  simulated,
  onEngine,
}: {
  spec: ChartSpec
  simulated: boolean
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

  return (
    <div className="relative size-full min-h-0 overflow-hidden">
      <ChartReader engine={engine} label={`Chart of ${spec.series}`}>
        <div ref={box} className="size-full touch-pan-y" />
      </ChartReader>
      {engine && (
        <div className="pointer-events-none absolute top-2 left-3 z-10 max-w-[calc(100%-96px)]">
          <Legend engine={engine} spec={spec} />
        </div>
      )}
      {simulated && (
        <p className="pointer-events-none absolute bottom-9 left-3 z-10 text-xs text-muted">Simulated market</p>
      )}
      {engine && <ChartStates engine={engine} />}
    </div>
  )
}
