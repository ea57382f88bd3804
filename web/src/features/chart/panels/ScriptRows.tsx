import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { session } from '@/api/session'
import { scriptsQuery } from '@/features/scripts/queries'
import type { ScriptSummary } from '@/features/scripts/types'
import { stateWords } from '@/features/scripts/words'
import { useStore } from '@/lib/store'
import { ProblemNotice, Skeleton } from '@/ui/States'

/** The user's own scripts, to be drawn like any indicator. `typed`: what is looked for. */
export function ScriptRows({ typed, onPick }: { typed: string; onPick: (script: ScriptSummary) => void }) {
  const signedIn = useStore(session).status === 'in'
  const { data, error, refetch } = useQuery({ ...scriptsQuery, enabled: signedIn })
  const found = data?.filter(({ name, title }) => `${name} ${title}`.toLowerCase().includes(typed)) ?? []
  if (typed && found.length === 0) return null
  return (
    <section aria-label="Your scripts" className="mb-4">
      <h3 className="mb-1 text-sm text-muted">Your scripts</h3>
      {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
      {signedIn && !data && !error && <Skeleton className="h-11" label="Loading your scripts" />}
      <ul>
        {found.map((script) => (
          <li key={script.id}>
            <button
              type="button"
              onClick={() => onPick(script)}
              className="min-h-11 w-full rounded-control px-2 py-1.5 text-left hover:bg-hover"
            >
              <span className="font-medium break-words">{script.name}</span>
              <span className="block text-sm text-muted">{aboutOf(script)}</span>
            </button>
          </li>
        ))}
      </ul>
      {typed === '' && (
        <Link to="/scripts" className="flex min-h-11 items-center px-2 text-sm underline underline-offset-2">
          {data && data.length > 0 ? 'All scripts' : 'Write your own indicators'}
        </Link>
      )}
    </section>
  )
}

function aboutOf(script: ScriptSummary): string {
  const { error, overlay } = script
  if (error) return 'Does not run yet'
  const state = stateWords(script)
  if (state) return state.words
  return overlay ? 'Over the price' : 'In a pane of its own'
}
