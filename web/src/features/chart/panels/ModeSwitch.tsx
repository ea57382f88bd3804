import { Link } from '@tanstack/react-router'

import { Button } from '@/ui/Button'
import { Segmented } from '@/ui/Segmented'
import { EmptyState } from '@/ui/States'

import type { Mode } from '../own/modes'

const SEGMENTS: { value: Mode; label: string }[] = [
  { value: 'live', label: 'Live' },
  { value: 'custom', label: 'Custom' },
]

/** Markets or own data, each as it was left. */
export function ModeSwitch({ mode, onSwitch }: { mode: Mode; onSwitch: (mode: Mode) => void }) {
  return <Segmented label="Live or custom data" value={mode} segments={SEGMENTS} onChange={onSwitch} />
}

/** Stands in place of a chart in Custom while there is nothing of one's own to chart. */
export function NothingOwn({ signedIn, coming }: { signedIn: boolean; coming: boolean }) {
  return (
    <div className="grid min-w-0 flex-1 place-items-center overflow-y-auto bg-canvas px-6">
      {coming ? (
        <EmptyState title="Your file is being read" text="It is charted here as soon as all of its rows are stored." />
      ) : (
        <EmptyState
          title="Nothing of yours to chart yet"
          text={
            signedIn
              ? 'Bring bars of your own from a CSV file. They are charted with every indicator and drawing, for you alone.'
              : 'Sign in and bring bars of your own from a CSV file. They are charted with every indicator and drawing, for you alone.'
          }
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
