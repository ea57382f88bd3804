import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { ProblemNotice, SkeletonRows } from '@/ui/States'

import { examplesQuery } from './queries'

/** Scripts to begin with. */
export function ExampleGallery() {
  const { data, error, refetch } = useQuery(examplesQuery)
  if (error && !data) return <ProblemNotice error={error} retry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={3} label="Loading examples" />
  return (
    <ul aria-label="Examples" className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
      {data.map(({ id, name, about }) => (
        <li
          key={id}
          className="relative rounded-card border border-hairline p-5 transition-colors focus-within:bg-surface hover:bg-surface"
        >
          <Link
            to="/scripts/$scriptId"
            params={{ scriptId: 'new' }}
            search={{ example: id }}
            className="font-medium after:absolute after:inset-0"
          >
            {name}
          </Link>
          <p className="mt-1 text-sm text-muted">{about}</p>
        </li>
      ))}
    </ul>
  )
}
