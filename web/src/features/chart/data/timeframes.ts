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

/** Whether bars of `base` can be put together to bars of `timeframe`. Those of 1 day and shorter make any month. */
export function isMadeOf(timeframe: Timeframe, base: Timeframe): boolean {
  if (timeframe === base) return true
  if (timeframe === '1M') return secondsOf(base) <= UNITS.d
  return base !== '1M' && secondsOf(base) <= UNITS.d && secondsOf(timeframe) % secondsOf(base) === 0
}

/** The timeframe itself, or the next longer one that bars of `base` make. */
export function madeOf(timeframe: Timeframe, base: Timeframe): Timeframe {
  const longer = TIMEFRAMES.slice(TIMEFRAMES.indexOf(timeframe))
  return longer.find((each) => isMadeOf(each, base)) ?? base
}

/** Why bars of `base` make no bars of `timeframe`; '' where they do. */
export function unmadeWords(timeframe: Timeframe, base: Timeframe | undefined): string {
  if (!base || isMadeOf(timeframe, base)) return ''
  if (secondsOf(timeframe) < secondsOf(base)) return `These bars are ${timeframeWords(base)} long: none are shorter`
  return `Bars of ${timeframeWords(base)} do not add up to ${timeframeWords(timeframe)}`
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
 * too many are visible, finer again (never finer than chosen) once few are. Bars of `base` must make it.
 */
export function timeframeFor(chosen: Timeframe, shown: Timeframe, visible: number, base: Timeframe = '1m'): Timeframe {
  const crowded = visible > MOST_VISIBLE
  const sparse = shown !== chosen && visible < FEW_VISIBLE
  if (!crowded && !sparse) return shown
  const span = visible * secondsOf(shown)
  const coarseEnough = TIMEFRAMES.slice(TIMEFRAMES.indexOf(chosen)).find(
    (each) => isMadeOf(each, base) && span / secondsOf(each) <= COMFORTABLE,
  )
  return coarseEnough ?? '1M'
}
