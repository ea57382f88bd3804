import { Pause, Play, SkipBack, SkipForward, X } from 'lucide-react'
import type { FormEvent } from 'react'
import { useId, useState } from 'react'

import { serverNow } from '@/lib/clock'
import { useStore } from '@/lib/store'

import type { ChartEngine } from '../engine/ChartEngine'
import { SPEEDS } from '../engine/Replay'
import { minuteText, problemOf } from './pastMoment'
import { ToolButton, ToolSelect } from './Toolbar'

/** Play, step, speed, a moment to begin at, and the way back to now. */
export function ReplayBar({ engine }: { engine: ChartEngine }) {
  const { active, playing, speed, ended } = useStore(engine.replay.state)
  const { replay } = engine
  if (!active) return null
  return (
    <div
      role="toolbar"
      aria-label="Replay"
      className="flex min-h-11 shrink-0 flex-wrap items-center justify-center gap-1 border-t border-hairline px-2 max-md:py-1"
    >
      <Begin engine={engine} />
      <ToolButton aria-label="One bar back" title="One bar back" onClick={() => replay.step(-1)}>
        <SkipBack aria-hidden className="size-4" />
      </ToolButton>
      <ToolButton aria-label={playing ? 'Pause' : 'Play'} onClick={() => (playing ? replay.pause() : replay.play())}>
        {playing ? <Pause aria-hidden className="size-4" /> : <Play aria-hidden className="size-4" />}
        {playing ? 'Pause' : 'Play'}
      </ToolButton>
      <ToolButton aria-label="One bar on" title="One bar on" onClick={() => replay.step()}>
        <SkipForward aria-hidden className="size-4" />
      </ToolButton>
      <ToolSelect
        label="Speed"
        value={String(speed)}
        options={SPEEDS.map((each) => [String(each), `${each} a second`])}
        onPick={(value) => replay.setSpeed(Number(value))}
      />
      <ToolButton onClick={() => replay.leave()}>
        <X aria-hidden className="size-4" />
        <span>
          Leave<span className="max-md:sr-only"> replay</span>
        </span>
      </ToolButton>
      <p role="status" className="text-sm text-muted">
        {ended && 'This was the last bar.'}
      </p>
    </div>
  )
}

function Begin({ engine }: { engine: ChartEngine }) {
  const [typed, setTyped] = useState('')
  const [problem, setProblem] = useState<string>()
  const id = useId()

  function begin(event: FormEvent) {
    event.preventDefault()
    const time = Date.parse(`${typed}Z`)
    const refused = problemOf(time)
    setProblem(refused)
    if (!refused) engine.replay.startAt(time / 1000)
  }

  return (
    <form noValidate className="flex items-center gap-1 max-md:w-full max-md:justify-center" onSubmit={begin}>
      <input
        type="datetime-local"
        aria-label="Begin at (UTC)"
        value={typed}
        max={minuteText(serverNow())}
        aria-invalid={problem !== undefined}
        aria-describedby={id}
        onChange={(event) => setTyped(event.target.value)}
        className="h-8 rounded-control border border-hairline bg-canvas px-2 text-sm max-md:h-11"
      />
      <ToolButton type="submit">Begin there</ToolButton>
      <p id={id} role="alert" className="text-sm text-error">
        {problem}
      </p>
    </form>
  )
}
