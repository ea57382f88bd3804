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

/** "11:42:07", in the reader's zone. */
export function clock(iso: string): string {
  return clockFormat.format(new Date(iso))
}

/** Whole seconds between two instants, never negative. */
export function secondsBetween(from: string, to: number): number {
  return Math.max(0, Math.round((to - Date.parse(from)) / 1000))
}
