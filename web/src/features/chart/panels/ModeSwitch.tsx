import { Link } from '@tanstack/react-router'

import { Button } from '@/ui/Button'
import { EmptyState, ProblemNotice, Skeleton } from '@/ui/States'

import type { Mode } from '../own/modes'
import type { OwnData } from '../own/useOwnData'

const MODES: [mode: Mode, label: string, about: string][] = [
  ['live', 'Live', 'Markets and indices'],
  ['custom', 'Custom', 'Your own data'],
]

/** Markets or own data, each as it was left. */
export function ModeSwitch({ mode, onSwitch }: { mode: Mode; onSwitch: (mode: Mode) => void }) {
  return (
    <div
      role="group"
      aria-label="Data"
      className="flex shrink-0 gap-0.5 rounded-control border border-hairline bg-surface p-0.5"
    >
      {MODES.map(([each, label, about]) => (
        <button
          key={each}
          type="button"
          aria-pressed={mode === each}
          title={about}
          onClick={() => onSwitch(each)}
          className="h-7 rounded-[6px] px-2.5 text-sm font-medium text-muted hover:text-ink aria-pressed:bg-ink aria-pressed:text-on-ink max-md:h-10"
        >
          {label}
        </button>
      ))}
    </div>
  )
}

/** Stands in place of a chart in Custom while there is nothing of one's own to chart. */
export function NothingOwn({ own }: { own: OwnData }) {
  const { signedIn, known, error, retry, coming } = own
  if (!known && !error) {
    return (
      <div role="status" aria-label="Loading your data" className="min-w-0 flex-1 bg-canvas p-4 pt-16">
        <Skeleton className="h-full" />
      </div>
    )
  }
  return (
    <div className="grid min-w-0 flex-1 place-items-center overflow-y-auto bg-canvas px-6">
      {error ? (
        <ProblemNotice error={error} retry={retry} />
      ) : coming ? (
        <EmptyState title="Your file is being read" text="It is charted here once all rows are stored." />
      ) : (
        <EmptyState
          title="Nothing of yours to chart yet"
          text={`${signedIn ? 'Bring' : 'Sign in and bring'} bars of your own from a CSV file. They are charted like any market, for you alone.`}
          action={
            <Button kind="primary" asChild>
              <Link to="/data">Add your data</Link>
            </Button>
          }
        />
      )}
    </div>
  )
}
