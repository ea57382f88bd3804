/** The ladder of timeframes, finest first. Buckets are UTC; weeks begin on Monday, months are calendar months. */
export const TIMEFRAMES = [
  '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d', '1w', '1M',
] as const // prettier-ignore

export type Timeframe = (typeof TIMEFRAMES)[number]

const UNITS = { m: 60, h: 3_600, d: 86_400, w: 604_800, M: 2_629_746 } as const
const UNIT_WORDS = { m: 'minute', h: 'hour', d: 'day', w: 'week', M: 'month' } as const

/** Seconds of one bar; a month counts with its mean length. */
export function secondsOf(timeframe: Timeframe): number {
  return Number.parseInt(timeframe, 10) * UNITS[timeframe.slice(-1) as keyof typeof UNITS]
}

/** "15 minutes", "1 day". */
export function timeframeWords(timeframe: Timeframe): string {
  const count = Number.parseInt(timeframe, 10)
  return `${count} ${UNIT_WORDS[timeframe.slice(-1) as keyof typeof UNIT_WORDS]}${count > 1 ? 's' : ''}`
}

/** The opening time of the bar after the one that opens at `time`. */
export function nextOpening(time: number, timeframe: Timeframe): number {
  if (timeframe !== '1M') return time + secondsOf(timeframe)
  const opened = new Date(time * 1000)
  return Date.UTC(opened.getUTCFullYear(), opened.getUTCMonth() + 1) / 1000
}

/** What the keys 1 to 9 choose. */
export const TIMEFRAME_KEYS: readonly Timeframe[] = ['1m', '3m', '5m', '15m', '1h', '4h', '1d', '1w', '1M']

export function asTimeframe(text: string | undefined): Timeframe | undefined {
  return TIMEFRAMES.find((each) => each === text)
}

/** More visible bars than this cost more than a frame has time for. */
export const MOST_VISIBLE = 1_000
const FEW_VISIBLE = 200
const COMFORTABLE = 650

/**
 * The timeframe to draw when `visible` bars of `shown` fill the screen and the reader chose `chosen`: coarser once
 * too many are visible, finer again (never finer than chosen) once few are.
 */
export function timeframeFor(chosen: Timeframe, shown: Timeframe, visible: number): Timeframe {
  const crowded = visible > MOST_VISIBLE
  const sparse = shown !== chosen && visible < FEW_VISIBLE
  if (!crowded && !sparse) return shown
  const span = visible * secondsOf(shown)
  const coarseEnough = TIMEFRAMES.slice(TIMEFRAMES.indexOf(chosen)).find(
    (each) => span / secondsOf(each) <= COMFORTABLE,
  )
  return coarseEnough ?? '1M'
}
