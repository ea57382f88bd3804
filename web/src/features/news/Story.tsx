import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'

import { Button } from '@/ui/Button'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import { NewsLine } from './NewsLine'
import { storyQuery } from './queries'

/** The one story that a mark on a chart led to, above all others. */
export function Story({ id, onClose }: { id: string; onClose: () => void }) {
  const { data, error, refetch } = useQuery(storyQuery(id))
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [id])
  return (
    <section aria-labelledby="story" className="mb-10">
      <div className="flex items-center justify-between border-b border-hairline pb-2">
        <h2 id="story" ref={heading} tabIndex={-1} className="text-sm font-medium text-muted outline-none">
          From the chart
        </h2>
        <Button size="small" kind="quiet" onClick={onClose}>
          Close
        </Button>
      </div>
      {error && <ProblemNotice error={error} retry={() => void refetch()} className="mt-4" />}
      {!data && !error && <SkeletonRows rows={1} label="Loading the story" />}
      {data && (
        <ul>
          <NewsLine news={data} />
        </ul>
      )}
    </section>
  )
}
