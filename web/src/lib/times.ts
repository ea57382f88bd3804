/** The only place where instants become text. Lists show relative times, hover and focus the absolute one. */

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' })
const absoluteFormat = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
})
const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
  ['year', Infinity],
]

/** "12 sec. ago", "in 3 days". */
export function ago(iso: string, now: number): string {
  let amount = (Date.parse(iso) - now) / 1000
  if (Math.abs(amount) < 3) return 'just now'
  for (const [unit, size] of STEPS) {
    if (Math.abs(amount) < size) return relative.format(Math.round(amount), unit)
    amount /= size
  }
  return absolute(iso)
}

/** "21 Nov 2026, 11:42:07 UTC", in the reader's zone. */
export function absolute(iso: string): string {
  return absoluteFormat.format(new Date(iso))
}

const exactFormat = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})

/** "11:42:07.250", in the reader's zone: for what happens within a second. */
export function exactClock(iso: string): string {
  return exactFormat.format(new Date(iso))
}

/** "11:42:07", in the reader's zone. */
export function clock(iso: string): string {
  return clockFormat.format(new Date(iso))
}

const minuteFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const dayMinuteFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})

/** "17:20" of today, "21 Nov, 17:20" of another day, in the reader's zone. */
export function dayTime(iso: string, now: number): string {
  const at = new Date(iso)
  const format = at.toDateString() === new Date(now).toDateString() ? minuteFormat : dayMinuteFormat
  return format.format(at)
}

/** Whole seconds between two instants, never negative. */
export function secondsBetween(from: string, to: number): number {
  return Math.max(0, Math.round((to - Date.parse(from)) / 1000))
}

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const thousandths = new Intl.NumberFormat('en-US', { minimumFractionDigits: 3, maximumFractionDigits: 3 })

/** How long something took: "43 ms", "9.3 s", "4 min 10 s", "1 h 5 min". */
export function duration(ms: number): string {
  if (ms < 1000) return `${whole.format(ms)} ms`
  if (ms < 59_950) return `${tenths.format(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`
  return seconds % 60 > 0 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`
}

/** In whole seconds, as a countdown or a deadline is told: "45 s", "4 min 10 s". */
export function wholeSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1000)
}

/** A moment after a beginning: "+0.412", "+1:02.345", in seconds and minutes. */
export function offset(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  const seconds = thousandths.format((ms - minutes * 60_000) / 1000)
  return minutes > 0 ? `+${minutes}:${seconds.padStart(6, '0')}` : `+${seconds}`
}

const utcFormat = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
})

/** "21 Nov 2026, 11:42" of UTC seconds, as charts show their bars. */
export function utcMinute(seconds: number): string {
  return Number.isFinite(seconds) ? utcFormat.format(new Date(seconds * 1000)) : ''
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
const monthFormat = new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric', timeZone: 'UTC' })
const hourFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' })
const DAY = 86_400
const MONTH = 28 * DAY

/** A mark on a time line of UTC seconds, as exact as its marks are apart: "Mar 2024", "12 Mar", "14:30". */
export function timeMark(seconds: number, step: number): string {
  const at = new Date(seconds * 1000)
  if (step >= MONTH) return monthFormat.format(at)
  return step >= DAY || seconds % DAY === 0 ? dayFormat.format(at) : hourFormat.format(at)
}

const dateFormat = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  timeZone: 'UTC',
})

/** "12 Mar 2024" of milliseconds, in UTC. */
export function utcDate(ms: number): string {
  return Number.isFinite(ms) ? dateFormat.format(new Date(ms)) : ''
}
