/** From columns to pixels. Pure: positions in, positions out. */

/** Where the bars of a screen stand: bar `index` at `x0 + index * dx` pixels. */
export interface Positions {
  from: number
  to: number
  x0: number
  dx: number
}

/** Separates two lines within one path. */
const BREAK = NaN

/**
 * The points [x, y, x, y, …] of a line through a column, broken where a value is missing. Several bars on one pixel
 * column become its first, lowest, highest and last point, so that no extreme is lost and no more is drawn than seen.
 */
export function linePath(values: Float64Array, at: Positions, yOf: (value: number) => number): number[] {
  const path: number[] = []
  const column = new PixelColumn(path)
  for (let index = at.from; index <= at.to; index += 1) {
    const value = values[index] ?? NaN
    if (Number.isNaN(value)) {
      column.finish()
      if (path.length > 0 && !Number.isNaN(path.at(-1))) path.push(BREAK, BREAK)
      continue
    }
    const x = at.x0 + index * at.dx
    if (at.dx >= 1) path.push(x, yOf(value))
    else column.add(Math.floor(x), yOf(value))
  }
  column.finish()
  return path
}

class PixelColumn {
  private x = NaN
  private first = NaN
  private last = NaN
  private low = NaN
  private high = NaN
  private lowFirst = true

  constructor(private readonly path: number[]) {}

  add(x: number, y: number): void {
    if (x !== this.x) {
      this.finish()
      this.x = x
      this.first = this.last = this.low = this.high = y
      return
    }
    if (y < this.low) {
      this.low = y
      this.lowFirst = false
    }
    if (y > this.high) {
      this.high = y
      this.lowFirst = true
    }
    this.last = y
  }

  finish(): void {
    if (Number.isNaN(this.x)) return
    const extremes = this.lowFirst ? [this.low, this.high] : [this.high, this.low]
    let before = NaN
    for (const y of [this.first, ...extremes, this.last]) {
      if (y !== before) this.path.push(this.x, y)
      before = y
    }
    this.x = NaN
  }
}

/** The polygons between two columns, where both have values: each is [x, y, …] around its edge. */
export function bandPolygons(
  upper: Float64Array,
  lower: Float64Array,
  at: Positions,
  yOf: (value: number) => number,
): number[][] {
  const polygons: number[][] = []
  let start = -1
  for (let index = at.from; index <= at.to + 1; index += 1) {
    const present = index <= at.to && !Number.isNaN(upper[index] ?? NaN) && !Number.isNaN(lower[index] ?? NaN)
    if (present && start < 0) start = index
    if (present || start < 0) continue
    const run = { ...at, from: start, to: index - 1 }
    polygons.push([...linePath(upper, run, yOf), ...reversed(linePath(lower, run, yOf))])
    start = -1
  }
  return polygons
}

function reversed(path: number[]): number[] {
  const turned: number[] = []
  for (let index = path.length - 2; index >= 0; index -= 2) turned.push(path[index] ?? NaN, path[index + 1] ?? NaN)
  return turned
}

/** The lowest and highest value of a column among bars `from` to `to`, or null where all are missing. */
export function extent(values: Float64Array, from: number, to: number): { low: number; high: number } | null {
  let [low, high] = [Infinity, -Infinity]
  for (let index = Math.max(0, from); index <= Math.min(values.length - 1, to); index += 1) {
    const value = values[index] ?? NaN
    if (value < low) low = value
    if (value > high) high = value
  }
  return low <= high ? { low, high } : null
}

/** The width of a column in whole device pixels, leaving a gap where there is room for one. */
export function columnWidth(dx: number): number {
  return Math.max(1, Math.round(dx * 0.8) - (dx > 4 ? 1 : 0))
}

/** The edges of a pixel-exact column around `x`. */
export function columnEdges(x: number, width: number): [left: number, width: number] {
  return [Math.round(x - width / 2), width]
}
