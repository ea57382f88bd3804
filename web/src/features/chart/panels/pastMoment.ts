import { serverNow } from '@/lib/clock'

const MINUTE_OF_TEXT = 16

/** A moment (milliseconds) as a field of date and time wants it, in UTC. */
export function minuteText(ms: number): string {
  return new Date(ms).toISOString().slice(0, MINUTE_OF_TEXT)
}

/** Why a chart cannot go to a moment (milliseconds), if it cannot. */
export function problemOf(time: number): string | undefined {
  if (Number.isNaN(time)) return 'Choose a date.'
  if (time > serverNow()) return 'This is still to come.'
  return time < 0 ? 'There are no bars before 1970.' : undefined
}
