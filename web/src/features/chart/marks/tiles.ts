/** Spans of time to ask for marks in: aligned, so that moving and zooming a little asks for nothing new. */
export interface Span {
  /** UTC seconds; `to` is not included. */
  from: number
  to: number
}

const SHORTEST = 4_096
/** The end of the times that the API takes. */
const END_OF_TIME = 4_102_444_800

/** One or two tiles that hold what is on the screen and half a screen on either side. */
export function tilesOf({ from, to }: Span): Span[] {
  const room = Math.max(0, to - from) / 2
  const [start, end] = [Math.max(0, from - room), Math.min(END_OF_TIME, to + room)]
  if (end <= start) return []
  const length = 2 ** Math.ceil(Math.log2(Math.max(SHORTEST, end - start)))
  const first = Math.floor(start / length)
  const last = Math.floor((end - 1) / length)
  return Array.from({ length: last - first + 1 }, (_, offset) => ({
    from: (first + offset) * length,
    to: Math.min(END_OF_TIME, (first + offset + 1) * length),
  }))
}
