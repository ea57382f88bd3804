import { Button } from './Button'
import { ProblemNotice } from './States'

export interface Paged {
  error: unknown
  hasNextPage: boolean
  isFetchingNextPage: boolean
  isFetchNextPageError: boolean
  fetchNextPage: () => unknown
}

/** Below a list that comes in pages: the next one, and why it did not come. */
export function ShowMore({
  query,
  label = 'Show more',
  size = 'medium',
}: {
  query: Paged
  label?: string
  size?: 'small' | 'medium'
}) {
  const space = size === 'small' ? 'mt-3' : 'mt-6'
  return (
    <>
      {query.isFetchNextPageError && <ProblemNotice error={query.error} className={space} />}
      {query.hasNextPage && (
        <Button
          size={size}
          className={space}
          busy={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {label}
        </Button>
      )}
    </>
  )
}
