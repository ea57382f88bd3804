/**
 * Reads `application/vnd.holdfast.columns`: the magic `HFC1`, the length of a JSON header (u32, little-endian), the
 * header padded with spaces, then one typed array per column, each at its offset from the end of the header. Columns are
 * views of the answer: nothing is copied.
 */
import type { Timeframe } from './timeframes'

export interface Gap {
  from: number
  until: number
  reason: string
}

export interface ColumnHeader {
  series: string
  timeframe: Timeframe
  count: number
  price_decimals: number
  volume_decimals: number
  /** The span that was looked at, [from, until) in UTC seconds; bars are missing where there was nothing. */
  from: number
  until: number
  /** There are bars before `from`. */
  more: boolean
  gaps: Gap[]
  backfill: { done: number; total: number } | null
  forming?: boolean
  /** At the newest bars, the second up to which prices are known. */
  known_until?: number | null
  columns: { name: string; type: 'f64' | 'f32'; offset: number }[]
}

export type Column = Float64Array | Float32Array

export interface ColumnPage {
  header: ColumnHeader
  columns: ReadonlyMap<string, Column>
}

const MAGIC = 'HFC1'
const PREAMBLE = 8

/** Throws `Error` with what is wrong when the body is not what it says. */
export function parseColumns(body: ArrayBuffer): ColumnPage {
  if (body.byteLength < PREAMBLE) throw new Error('The answer is too short to hold columns.')
  const magic = String.fromCharCode(...new Uint8Array(body, 0, MAGIC.length))
  if (magic !== MAGIC) throw new Error(`The answer begins with "${magic}", not with "${MAGIC}".`)
  const length = new DataView(body).getUint32(MAGIC.length, true)
  if (PREAMBLE + length > body.byteLength) throw new Error('The header of the answer is cut off.')
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(body, PREAMBLE, length))) as ColumnHeader
  const columns = new Map(header.columns.map((each) => [each.name, view(body, PREAMBLE + length, each, header.count)]))
  return { header, columns }
}

function view(body: ArrayBuffer, start: number, column: ColumnHeader['columns'][number], count: number): Column {
  const { name, type } = column
  const offset = start + column.offset
  const View = type === 'f64' ? Float64Array : Float32Array
  if (offset % View.BYTES_PER_ELEMENT !== 0) throw new Error(`Column ${name} begins at ${offset}: not aligned.`)
  if (offset + count * View.BYTES_PER_ELEMENT > body.byteLength) throw new Error(`Column ${name} is cut off.`)
  return new View(body, offset, count)
}

/** The named column; throws `Error` when the answer has none. */
export function columnOf(page: ColumnPage, name: string): Column {
  const column = page.columns.get(name)
  if (!column) throw new Error(`The answer has no column ${name}.`)
  return column
}
