/** What pages read of their addresses. */
const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : undefined)

/** Leaves out what is not there, so that addresses stay short. */
export function present<Key extends string>(
  search: Record<string, unknown>,
  keys: readonly Key[],
): { [K in Key]?: string } {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = text(search[key])
      return value === undefined || value === '' ? [] : [[key, value]]
    }),
  ) as { [K in Key]?: string }
}

/** Filters and figures of the journal, and what a new entry begins with. */
export const JOURNAL_SEARCH = [
  'show',
  'by',
  'symbol',
  'tag',
  'q',
  'from',
  'to',
  'new',
  'series',
  'time',
  'position',
] as const

export const incidentsSearch = (search: Record<string, unknown>): { state?: 'all'; position?: string } => ({
  ...(search['state'] === 'all' ? { state: 'all' } : {}),
  ...present(search, ['position']),
})
