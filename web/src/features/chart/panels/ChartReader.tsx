import type { KeyboardEvent, ReactNode } from 'react'
import { useState } from 'react'

import { money } from '@/lib/numbers'
import { useStore } from '@/lib/store'
import { utcMinute } from '@/lib/times'

import type { DrawingLayer } from '../drawings/DrawingLayer'
import type { ChartEngine } from '../engine/ChartEngine'
import { isIndex } from '../engine/spec'
import { ownSeries } from '../own/store'
import { symbolWords } from '../words'

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }

/** Lets keys walk the bars of a canvas, move and zoom it, and says what stands there. */
export function ChartReader({
  engine,
  label,
  children,
}: {
  engine: ChartEngine | null
  label: string
  children: ReactNode
}) {
  const [said, setSaid] = useState('')

  function onKey(event: KeyboardEvent) {
    if (!engine || event.ctrlKey || event.metaKey || event.altKey) return
    if (drawingKey(engine.drawings, event)) {
      event.preventDefault()
      return
    }
    const zoom = { '+': 0.8, '=': 0.8, '-': 1.25 }[event.key]
    const step = STEPS[event.key]
    if (zoom !== undefined) engine.navigator.zoom(zoom)
    else if (step !== undefined && event.shiftKey) engine.navigator.pan(Math.sign(step) * 0.25)
    else if (step !== undefined) setSaid(words(engine, engine.navigator.step(step)))
    else if (event.key === 'Enter' && engine.marks.pinBar(engine.crosshair.cursor.get() ?? -1)) setSaid('')
    else return
    event.preventDefault()
  }

  return (
    <div
      role="region"
      aria-label={`${label}. Arrow keys read it bar by bar, with Shift they move it, plus and minus zoom.`}
      tabIndex={0}
      onKeyDown={onKey}
      onBlur={() => engine?.navigator.leave()}
      className="relative size-full after:pointer-events-none after:absolute after:inset-0 after:z-10 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-ink"
    >
      {children}
      <p className="sr-only" aria-live="polite">
        {said}
      </p>
      {engine && <Spoken engine={engine} />}
    </div>
  )
}

/** Enter places the chosen tool, arrows move the selected drawing, Delete removes it. */
function drawingKey(drawings: DrawingLayer, { key, shiftKey }: KeyboardEvent): boolean {
  const { store, tool } = drawings
  const selected = store.selected.get()
  const far = shiftKey ? 10 : 1
  if (key === 'Enter' && tool.get()) drawings.placeInMiddle()
  else if (key === 'Escape') return drawings.putDown()
  else if (!selected) return false
  else if (key === 'Delete' || key === 'Backspace') store.remove(selected)
  else if (key === 'ArrowLeft') return drawings.nudge(-far, 0)
  else if (key === 'ArrowRight') return drawings.nudge(far, 0)
  else if (key === 'ArrowUp') return drawings.nudge(0, -far)
  else if (key === 'ArrowDown') return drawings.nudge(0, far)
  else return false
  return true
}

function words(engine: ChartEngine, index: number): string {
  const bar = engine.feed.window.at(index)
  if (!bar) return ''
  const { decimals, series } = engine.feed.state.get()
  const say = (value: number) => money(value, decimals)
  const marks = engine.marks.at(index).length
  const more = marks > 0 ? `; ${marks} ${marks === 1 ? 'mark' : 'marks'}, Enter reads them` : ''
  if (isIndex(series)) return `${utcMinute(bar.time)}: level ${say(bar.close)}${more}`
  return `${utcMinute(bar.time)}: open ${say(bar.open)}, high ${say(bar.high)}, low ${say(bar.low)}, close ${say(bar.close)}${more}`
}

const ROWS = 24

/** The newest bars that may be seen, in a sentence and a table. Renewed when the series or timeframe changes or a
 * replay begins or ends, not with ticks. */
function Spoken({ engine }: { engine: ChartEngine }) {
  const { decimals, timeframe, series } = useStore(engine.feed.state)
  useStore(ownSeries)
  useStore(engine.replay.state)
  const { window } = engine.feed
  const until = engine.shown
  const from = Math.max(0, until - ROWS)
  if (until === 0) return null
  const say = (value: number | undefined) => money(value ?? 0, decimals)
  const name = symbolWords(series)
  const bars = Array.from({ length: until - from }, (_, offset) => window.at(from + offset)).filter((bar) => !!bar)
  return (
    <div className="sr-only">
      <p>
        {name}, {timeframe}: the last {bars.length} bars go from {say(bars[0]?.open)} to {say(bars.at(-1)?.close)},
        lowest {say(Math.min(...bars.map((bar) => bar.low)))}, highest {say(Math.max(...bars.map((bar) => bar.high)))}.
      </p>
      <table>
        <caption>Last bars of {name}</caption>
        <tbody>
          {bars.map((bar) => (
            <tr key={bar.time}>
              <th scope="row">{utcMinute(bar.time)}</th>
              <td>{say(bar.close)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
