import { useEffect, useId, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

import { paintRevision } from '@/lib/appearance'
import { money, percent, signedPercent } from '@/lib/numbers'
import { useStore } from '@/lib/store'
import { utcMinute } from '@/lib/times'

import type { Equity } from './equity'
import { extremes, spansMagnitudes, spread } from './equity'
import { drawdownOptions, equityOptions } from './equityOptions'

const HEIGHT = 260
const DRAWDOWN_HEIGHT = 130
const PAGE = 10
const TABLE_ROWS = 24

interface Props {
  data: Equity
  /** "Equity of SMA cross". */
  label: string
  quote: string
  watermark: boolean
}

/** Equity beside buying and holding, the drawdown below; a crosshair reads both. */
export default function EquityChart({ data, label, quote, watermark }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const charts = useRef<uPlot[]>([])
  const revision = useStore(paintRevision)
  const syncKey = useId()
  const [read, setRead] = useState<number | null>(null)
  const at = useRef<number | null>(null)
  const byKeys = useRef(false)
  const log = spansMagnitudes(data)

  useEffect(() => {
    const root = box.current
    if (!root) return
    const onRead = (place: number | null) => {
      if (byKeys.current) return
      at.current = place
      setRead(place)
    }
    /** A page that scrolls under a pointer at rest tells of moves that nobody made. */
    const keeps = (event: MouseEvent) => {
      const moved = event.type === 'mousemove' && (event.movementX !== 0 || event.movementY !== 0)
      if (moved) byKeys.current = false
      return byKeys.current
    }
    const look = { width: root.clientWidth, syncKey, onRead, keeps }
    const { time, equity, hold, drawdown } = data
    charts.current = [
      new uPlot(
        equityOptions({ ...look, height: HEIGHT }, hold !== null, log),
        (hold ? [time, equity, hold] : [time, equity]) as uPlot.AlignedData,
        root,
      ),
      new uPlot(
        drawdownOptions({ ...look, height: DRAWDOWN_HEIGHT }),
        [time, drawdown] as unknown as uPlot.AlignedData,
        root,
      ),
    ]
    const [first] = charts.current
    // A new chart knows its scales only after this.
    if (byKeys.current) queueMicrotask(() => pointAt(first, data, at.current))
    const observer = new ResizeObserver(() => {
      for (const chart of charts.current) {
        if (chart.width !== root.clientWidth) chart.setSize({ width: root.clientWidth, height: chart.height })
      }
    })
    observer.observe(root)
    return () => {
      observer.disconnect()
      for (const chart of charts.current) chart.destroy()
      charts.current = []
    }
  }, [data, log, revision, syncKey])

  function readAt(place: number | null) {
    byKeys.current = place !== null
    at.current = place
    setRead(place)
    pointAt(charts.current[0], data, place)
  }

  function step(event: React.KeyboardEvent) {
    const last = data.time.length - 1
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -PAGE, PageDown: PAGE, Home: -Infinity, End: Infinity }[
      event.key
    ]
    if (move === undefined || last < 0) return
    event.preventDefault()
    readAt(Math.max(0, Math.min(last, (at.current ?? last) + move)))
  }

  /** A finger reads as it moves sideways; up and down still scroll the page. */
  function drag(event: React.PointerEvent) {
    const [chart] = charts.current
    if (event.pointerType === 'mouse' || !chart) return
    byKeys.current = false
    chart.setCursor({ left: event.clientX - chart.over.getBoundingClientRect().left, top: 10 })
  }

  return (
    <div>
      <Readout data={data} at={read} quote={quote} />
      <div
        role="region"
        aria-label={`${label}. Arrow keys read it point by point.`}
        tabIndex={0}
        onKeyDown={step}
        onBlur={() => readAt(null)}
        onPointerMove={drag}
        className="relative touch-pan-y"
      >
        <p className="pointer-events-none absolute top-1 z-10 flex text-xs text-muted">
          <span aria-hidden className="w-[58px] text-right">
            {quote}
          </span>
          <span className="ml-3">
            {[watermark && 'Simulated market', log && 'Logarithmic'].filter(Boolean).join(' · ')}
          </span>
        </p>
        <div ref={box} aria-hidden className="w-full" />
      </div>
      <InWords data={data} label={label} />
    </div>
  )
}

/** Puts the crosshair on a place, or takes it away. */
function pointAt(chart: uPlot | undefined, data: Equity, place: number | null) {
  const left = place === null ? -10 : chart?.valToPos(data.time[place] ?? 0, 'x')
  if (left !== undefined) chart?.setCursor({ left, top: place === null ? -10 : 10 })
}

/** What the crosshair stands on; without one, the end. */
function Readout({ data, at, quote }: { data: Equity; at: number | null; quote: string }) {
  const last = data.time.length - 1
  const place = Math.min(at ?? last, last)
  const parts = [
    { name: 'Equity', value: `${money(data.equity[place] ?? NaN)}${quote && ` ${quote}`}`, mark: 'bg-ink' },
    ...(data.hold ? [{ name: 'Buy and hold', value: money(data.hold[place] ?? NaN), mark: 'bg-muted' }] : []),
    { name: 'Drawdown', value: percent(data.drawdown[place] ?? NaN, 1), mark: 'bg-down' },
  ]
  if (data.time.length === 0) return null
  return (
    <p
      className="tnum flex min-h-[22px] flex-wrap gap-x-4 text-sm text-muted"
      aria-live={at === null ? 'off' : 'polite'}
    >
      <span>{utcMinute(data.time[place] ?? NaN)} UTC</span>
      {parts.map(({ name, value, mark }) => (
        <span key={name} className="inline-flex items-center gap-1.5">
          <span aria-hidden className={`h-0.5 w-3 ${mark}`} />
          {name} <span className="text-ink">{value}</span>
        </span>
      ))}
    </p>
  )
}

/** The same for who cannot see it. */
function InWords({ data, label }: { data: Equity; label: string }) {
  const found = extremes(data)
  const { time, equity, hold, drawdown } = data
  if (!found) return <p className="text-sm text-muted">There is nothing to draw.</p>
  const change = (equity.at(-1) ?? 0) / (equity[0] ?? 1) - 1
  const value = (place: number) => `${money(equity[place] ?? NaN)} on ${utcMinute(time[place] ?? NaN)}`
  return (
    <div className="sr-only">
      <p>
        From {value(0)} to {value(time.length - 1)}, {signedPercent(change)}. Highest {value(found.high)}, lowest{' '}
        {value(found.low)}. Deepest drawdown {percent(drawdown[found.deepest] ?? 0, 1)} on{' '}
        {utcMinute(time[found.deepest] ?? NaN)}.
      </p>
      <table aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Time (UTC)</th>
            <th scope="col">Equity</th>
            {hold && <th scope="col">Buy and hold</th>}
            <th scope="col">Drawdown</th>
          </tr>
        </thead>
        <tbody>
          {spread(time.length, TABLE_ROWS).map((place) => (
            <tr key={place}>
              <th scope="row">{utcMinute(time[place] ?? NaN)}</th>
              <td>{money(equity[place] ?? NaN)}</td>
              {hold && <td>{money(hold[place] ?? NaN)}</td>}
              <td>{percent(drawdown[place] ?? NaN, 1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
