import clsx from 'clsx'

import { useIsLive } from '@/api/live'
import { useNow } from '@/lib/clock'
import { money } from '@/lib/numbers'
import { useStore } from '@/lib/store'
import { duration, utcMinute } from '@/lib/times'

import { splitSeries } from '../data/series'
import { timeframeWords } from '../data/timeframes'
import type { ChartEngine } from '../engine/ChartEngine'
import type { Pair } from '../engine/legend'
import { changeOf, isOnlyLevel, pricesOf, volumeOf } from '../engine/legend'
import type { ChartSpec } from '../engine/spec'
import { tradesOf } from '../marks/group'
import { ownSeries } from '../own/store'
import { useReadBar } from '../useReadBar'
import { sourceWords, symbolWords } from '../words'

/** The bar under the crosshair, or the last on the screen: open, high, low, close, its change and its volume. */
export function Legend({ engine, spec }: { engine: ChartEngine; spec: ChartSpec }) {
  const state = useStore(engine.feed.state)
  const cursor = useStore(engine.crosshair.cursor)
  const index = useReadBar(engine)
  useStore(ownSeries)
  const { window } = engine.feed
  const bar = window.at(index)
  const [source] = splitSeries(state.series)
  if (!bar) return null
  const { text, direction } = changeOf(window, index)
  const isNewest = index === window.length - 1 && !state.newer
  const onlyLevel = isOnlyLevel({ series: state.series, type: spec.type })
  const price = (value: number) => money(value, state.decimals)
  return (
    <div className="tnum flex w-fit flex-wrap items-baseline gap-x-3 rounded-[5px] bg-[color-mix(in_srgb,var(--canvas)_70%,transparent)] text-sm">
      <span className="font-semibold">{symbolWords(state.series)}</span>
      <span className="text-muted">
        {sourceWords(source)} · {state.timeframe}
      </span>
      <Values wideOnly={cursor === null && !onlyLevel} pairs={pricesOf(window, index, state.decimals, onlyLevel)} />
      <span className={clsx('font-medium', CHANGES[direction])}>{text}</span>
      {spec.volume && <Values wideOnly pairs={volumeOf(window, index)} />}
      {(cursor !== null || !isNewest) && <span className="text-muted">{utcMinute(bar.time)}</span>}
      {tradesOf(engine.marks.at(index)).map((trade) => (
        <span key={trade.side} className={clsx('font-medium', trade.side === 'buy' ? 'text-up' : 'text-down')}>
          {trade.side === 'buy' ? 'Bought' : 'Sold'} at {price(trade.price)}
        </span>
      ))}
      <Age engine={engine} source={source} />
      {state.timeframe !== spec.timeframe && (
        <span className="rounded-full bg-surface px-2 text-xs text-muted">
          {timeframeWords(state.timeframe)} a bar at this width; zoom in for {spec.timeframe}
        </span>
      )}
    </div>
  )
}

const CHANGES = { '-1': 'text-down', '0': 'text-muted', '1': 'text-up' }

function Values({ pairs, wideOnly }: { pairs: Pair[]; wideOnly: boolean }) {
  if (pairs.length === 0) return null
  return (
    <span className={clsx('flex flex-wrap gap-x-2 max-md:text-xs', wideOnly && 'max-md:hidden')}>
      {pairs.map(([name, value]) => (
        <span key={name} className="whitespace-nowrap">
          <span className="text-muted">{name}</span> {value}
        </span>
      ))}
    </span>
  )
}

const QUIET = 15
const MANY_SECONDS = 600

/** Says how old the newest price is when nothing has come for a while, or had come when the chart was opened. */
function Age({ engine, source }: { engine: ChartEngine; source: string }) {
  const live = useIsLive()
  const now = useNow()
  const { active } = useStore(engine.replay.state)
  if (active) return <Pill>Replay</Pill>
  if (source === 'own') return null
  const { heardAt } = engine.feed
  const seconds = heardAt === 0 ? 0 : Math.round((now - heardAt) / 1000)
  if (live && seconds < QUIET) return null
  return <Pill>{seconds > 0 ? `${ageWords(seconds)} old` : 'Not live'}</Pill>
}

function ageWords(seconds: number): string {
  return seconds < MANY_SECONDS ? `${seconds} s` : duration(seconds * 1000)
}

function Pill({ children }: { children: React.ReactNode }) {
  return <span className="rounded-full border border-hairline bg-surface px-2 text-xs text-muted">{children}</span>
}
