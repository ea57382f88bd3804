import type { IChartApi, ISeriesApi, MouseEventParams, UTCTimestamp } from 'lightweight-charts'
import { AreaSeries, ColorType, createChart, CrosshairMode, LineStyle } from 'lightweight-charts'
import { useEffect, useRef, useState } from 'react'

import { paintRevision, token } from '@/lib/appearance'
import type { LevelUnit } from '@/lib/numbers'
import { level as levelText } from '@/lib/numbers'
import { useStore } from '@/lib/store'
import { absolute } from '@/lib/times'

export interface Point {
  at: string
  level: number
}

interface Props {
  points: Point[]
  unit: LevelUnit
  label: string
  watermark: boolean
  live: Point | null
}

const seconds = (iso: string) => Math.floor(Date.parse(iso) / 1000) as UTCTimestamp

/** Strictly rising times, as the chart demands: of several points in one second the last one stays. */
export function toSeries(points: Point[]): { time: UTCTimestamp; value: number }[] {
  const bySecond = new Map(points.map((point) => [seconds(point.at), point.level]))
  return [...bySecond].sort(([a], [b]) => a - b).map(([time, value]) => ({ time, value }))
}

/** At most ten paints a second, however many ticks arrive. */
const FLUSH = 100

export default function LevelChart({ points, unit, label, watermark, live }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<IChartApi | null>(null)
  const series = useRef<ISeriesApi<'Area'> | null>(null)
  const lastFlush = useRef(0)
  const revision = useStore(paintRevision)
  const [read, setRead] = useState<Point | null>(null)

  useEffect(() => {
    if (!box.current) return
    const created = createChart(box.current, {
      autoSize: true,
      layout: { attributionLogo: false, background: { type: ColorType.Solid, color: 'transparent' }, fontSize: 12 },
      grid: { vertLines: { visible: false }, horzLines: { visible: false } },
      rightPriceScale: { borderVisible: false, entireTextOnly: true, scaleMargins: { top: 0.12, bottom: 0.08 } },
      timeScale: {
        borderVisible: false,
        timeVisible: true,
        secondsVisible: false,
        fixLeftEdge: true,
        fixRightEdge: true,
      },
      crosshair: { mode: CrosshairMode.Magnet, horzLine: { visible: false, labelVisible: false } },
      localization: { priceFormatter: (value: number) => levelText(value, unit) },
      handleScale: { axisPressedMouseMove: false },
    })
    const area = created.addSeries(AreaSeries, { lineWidth: 2, priceLineVisible: false, lastValueVisible: false })
    created.subscribeCrosshairMove((event: MouseEventParams) => {
      const bar = event.seriesData.get(area) as { value: number; time: UTCTimestamp } | undefined
      setRead(bar ? { at: new Date(bar.time * 1000).toISOString(), level: bar.value } : null)
    })
    chart.current = created
    series.current = area
    return () => {
      created.remove()
      chart.current = series.current = null
    }
  }, [unit])

  useEffect(() => {
    const rose = (points.at(-1)?.level ?? 0) >= (points[0]?.level ?? 0)
    const line = token(rose ? 'up' : 'down')
    chart.current?.applyOptions({
      layout: { textColor: token('muted'), fontFamily: getComputedStyle(document.body).fontFamily },
      crosshair: { vertLine: { color: token('edge'), style: LineStyle.Solid, labelBackgroundColor: token('ink') } },
    })
    series.current?.applyOptions({
      lineColor: line,
      topColor: `${line}24`,
      bottomColor: `${line}00`,
      crosshairMarkerBackgroundColor: line,
      crosshairMarkerBorderColor: token('canvas'),
    })
    series.current?.setData(toSeries(points))
    chart.current?.timeScale().fitContent()
  }, [points, unit, revision])

  useEffect(() => {
    const last = points.at(-1)
    const now = performance.now()
    if (!live || !last || now - lastFlush.current < FLUSH || seconds(live.at) < seconds(last.at)) return
    lastFlush.current = now
    series.current?.update({ time: seconds(live.at), value: live.level })
  }, [live, points])

  return (
    <div className="relative">
      <p className="tnum absolute top-0 left-0 z-10 h-5 text-sm text-muted" aria-live="polite">
        {read && `${levelText(read.level, unit)} · ${absolute(read.at)}`}
      </p>
      {watermark && (
        <p className="pointer-events-none absolute bottom-9 left-0 z-10 text-xs text-muted">Simulated market</p>
      )}
      <StepReader points={points} onRead={setRead} label={label}>
        <div ref={box} className="h-[300px] w-full md:h-[380px]" />
      </StepReader>
    </div>
  )
}

/** Lets the arrow keys walk the points of a canvas, which is otherwise silent. */
function StepReader({
  points,
  onRead,
  label,
  children,
}: {
  points: Point[]
  onRead: (point: Point | null) => void
  label: string
  children: React.ReactNode
}) {
  const at = useRef(points.length - 1)
  function step(event: React.KeyboardEvent) {
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key]
    if (move === undefined) return
    event.preventDefault()
    at.current = Math.max(0, Math.min(points.length - 1, at.current + move))
    onRead(points[at.current] ?? null)
  }
  return (
    <div
      role="region"
      aria-label={`${label}. Arrow keys read it point by point.`}
      tabIndex={0}
      onKeyDown={step}
      onBlur={() => onRead(null)}
    >
      {children}
    </div>
  )
}
