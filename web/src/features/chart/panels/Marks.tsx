import { useStore } from '@/lib/store'

import type { ChartEngine } from '../engine/ChartEngine'
import type { ChartSpec } from '../engine/spec'
import { useMarkPointer } from '../marks/useMarkPointer'
import { useMarks } from '../marks/useMarks'
import { MarkCard } from './MarkCard'

/** Brings the marks of a chart, and tells of the one that is pointed at. It comes after the bars. */
export default function Marks({ engine, spec }: { engine: ChartEngine; spec: ChartSpec }) {
  useMarks(engine, spec)
  useMarkPointer(engine)
  const shown = useStore(engine.marks.shown)
  return shown && <MarkCard engine={engine} shown={shown} />
}
