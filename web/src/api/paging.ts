/** How every list that comes in pages is asked for its next one. */
export const paging = {
  initialPageParam: null as string | null,
  getNextPageParam: (last: { next_cursor?: string | null }) => last.next_cursor ?? null,
}

/** The part of a query that says where the page begins. */
export const at = (cursor: string | null) => (cursor ? { cursor } : {})
