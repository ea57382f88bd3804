import { useQueryClient } from '@tanstack/react-query'

import { useStore } from '@/lib/store'

import type { ChartEngine } from '../engine/ChartEngine'
import type { ChartSpec } from '../engine/spec'
import type { Drawn } from '../marks/MarksLayer'
import { useMarkPointer } from '../marks/useMarkPointer'
import { retryMarks, useMarks } from '../marks/useMarks'
import { MarkCard } from './MarkCard'
import { Trouble } from './Trouble'

const WORDS: Record<Drawn, string> = {
  fill: 'trades',
  order: 'open orders',
  news: 'news',
  signal: 'signals',
  script: 'marks of scripts',
  journal: 'journal entries',
}

/** Brings the marks of a chart, and tells of the one that is pointed at. It comes after the bars. */
export default function Marks({ engine, spec }: { engine: ChartEngine; spec: ChartSpec }) {
  useMarks(engine, spec)
  useMarkPointer(engine)
  const shown = useStore(engine.marks.shown)
  const failed = useStore(engine.marks.failed)
  return (
    <>
      {failed.length > 0 && <Failed failed={failed} />}
      {shown && <MarkCard engine={engine} shown={shown} />}
    </>
  )
}

/** Which kinds are not known. */
function Failed({ failed }: { failed: readonly Drawn[] }) {
  const client = useQueryClient()
  const what = new Intl.ListFormat('en').format(failed.map((each) => WORDS[each]))
  return <Trouble retry={() => retryMarks(client)}>Could not be loaded for this chart: {what}.</Trouble>
}
