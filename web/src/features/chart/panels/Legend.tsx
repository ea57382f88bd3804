import clsx from 'clsx'

import { useIsLive } from '@/api/live'
import { useNow } from '@/lib/clock'
import { compact, MINUS, money, signedPercent, signOf } from '@/lib/numbers'
import { useStore } from '@/lib/store'
import { duration, utcMinute } from '@/lib/times'

import { splitSeries } from '../data/series'
import { timeframeWords } from '../data/timeframes'
import type { ChartEngine } from '../engine/ChartEngine'
import type { ChartSpec } from '../engine/spec'
import { isIndex } from '../engine/spec'
import { tradesOf } from '../marks/group'
import { ownSeries } from '../own/store'
import { sourceWords, symbolWords } from '../words'

/** The bar under the crosshair, or the newest: open, high, low, close, its change and its volume. */
export function Legend({ engine, spec }: { engine: ChartEngine; spec: ChartSpec }) {
  const state = useStore(engine.feed.state)
  const cursor = useStore(engine.crosshair.cursor)
  useStore(engine.revision)
  useStore(ownSeries)
  const { window } = engine.feed
  const index = Math.min(cursor ?? Infinity, engine.shown - 1)
  const bar = window.at(index)
  const [source] = splitSeries(state.series)
  if (!bar) return null
  const before = window.at(index - 1)?.close ?? bar.open
  const change = before === 0 ? 0 : bar.close / before - 1
  const onlyLevel = isIndex(state.series) && (spec.type === 'line' || spec.type === 'area')
  const price = (value: number) => money(value, state.decimals)
  return (
    <div className="tnum flex w-fit flex-wrap items-baseline gap-x-3 rounded-[5px] bg-[color-mix(in_srgb,var(--canvas)_70%,transparent)] text-sm">
      <span className="font-semibold">{symbolWords(state.series)}</span>
      <span className="text-muted">
        {sourceWords(source)} · {state.timeframe}
      </span>
      <Values
        wideOnly={cursor === null && !onlyLevel}
        pairs={
          onlyLevel
            ? [['Level', price(bar.close)]]
            : [
                ['O', price(bar.open)],
                ['H', price(bar.high)],
                ['L', price(bar.low)],
                ['C', price(bar.close)],
              ]
        }
      />
      <Change share={change} />
      {spec.volume && bar.volume > 0 && <Values wideOnly pairs={[['Vol', compact(bar.volume)]]} />}
      {cursor !== null && <span className="text-muted">{utcMinute(bar.time)}</span>}
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

/** As it is rounded: what reads 0.00% has no direction. */
function Change({ share }: { share: number }) {
  const text = signedPercent(share)
  const direction = signOf(text.replace(MINUS, '-'))
  const look = { '-1': 'text-down', '0': 'text-muted', '1': 'text-up' }[direction]
  const arrow = { '-1': '▼ ', '0': '', '1': '▲ ' }[direction]
  return (
    <span className={clsx('font-medium', look)}>
      {arrow}
      {text}
    </span>
  )
}

function Values({ pairs, wideOnly }: { pairs: [string, string][]; wideOnly: boolean }) {
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
