import clsx from 'clsx'
import type { ReactNode } from 'react'

export interface Column<Row> {
  head: string
  cell: (row: Row) => ReactNode
  /** Numbers stand right. */
  right?: boolean
  /** Columns a phone can do without. */
  wideOnly?: boolean
  /** The column that names the row. */
  name?: boolean
  /** The heading is for screen readers only. */
  quietHead?: boolean
}

/** A table of hairlines. It scrolls sideways inside itself rather than widening the page. */
export function Table<Row>({
  label,
  rows,
  columns,
  rowKey,
  dim,
}: {
  label: string
  rows: Row[]
  columns: Column<Row>[]
  rowKey: (row: Row) => string
  dim?: (row: Row) => boolean
}) {
  const lastOnPhone = columns.findLast((column) => !column.wideOnly)
  return (
    <div
      className="-mx-4 overflow-x-auto px-4 md:mx-0 md:px-0"
      role="group"
      aria-label={`${label}, scrollable`}
      tabIndex={0}
    >
      <table aria-label={label} className="w-full border-collapse text-sm md:text-base">
        <thead>
          <tr className="border-b border-hairline text-left text-sm text-muted">
            {columns.map((column) => (
              <th key={column.head} scope="col" className={cellClass(column, 'h-9', lastOnPhone)}>
                {column.quietHead ? <span className="sr-only">{column.head}</span> : column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} className={clsx('relative border-b border-hairline', dim?.(row) && 'stale')}>
              {columns.map((column) =>
                column.name ? (
                  <th key={column.head} scope="row" className={cellClass(column, 'row-height text-left', lastOnPhone)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.head} className={cellClass(column, 'row-height', lastOnPhone)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function cellClass<Row>(column: Column<Row>, extra: string, lastOnPhone: Column<Row> | undefined): string {
  return clsx(
    'px-3 first:pl-0 last:pr-0 max-md:px-2',
    column === lastOnPhone && 'max-md:pr-0',
    column.right && 'tnum text-right',
    column.wideOnly && 'max-md:hidden',
    extra,
  )
}
