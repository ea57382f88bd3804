import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { session } from '@/api/session'
import { useStore } from '@/lib/store'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Notice, ProblemNotice, SkeletonRows } from '@/ui/States'

import type { Layout } from '../layoutSync'
import { deleteLayout, layoutsQuery, NotSaved, openLayout, otherThan, restoreLayout } from '../layouts'
import { isUnreachable, UNREACHABLE, useLayoutWork } from '../useLayoutWork'
import { workspace } from '../workspace'
import { LayoutRow } from './LayoutRow'
import { Making } from './Making'

/** The layouts of the account: switch, save under another name, begin anew, rename, delete. */
export default function LayoutsDialog({ onClose }: { onClose: () => void }) {
  const signedIn = useStore(session).status === 'in'
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Layouts"
      description="A layout is what your charts show. Every change is saved in the one that is open."
    >
      {signedIn ? <Layouts onDone={onClose} /> : <Visitor />}
    </Dialog>
  )
}

function Visitor() {
  return (
    <div className="flex flex-col items-start gap-4">
      <p>Your charts are kept on this device. With an account you keep several layouts by name, on every device.</p>
      <Button kind="primary" asChild>
        <Link to="/sign-in" search={{ next: location.pathname + location.search }}>
          Sign in to keep more
        </Link>
      </Button>
    </div>
  )
}

function Layouts({ onDone }: { onDone: () => void }) {
  const { data = [], error, isPending, isFetching, refetch } = useQuery(layoutsQuery)
  const { layout: open, unsent } = useStore(workspace)
  const [removed, setRemoved] = useState<{ layout: Layout; wasOpen: boolean } | null>(null)
  const [restored, setRestored] = useState('')
  const [wanted, setWanted] = useState<Layout | null>(null)
  const work = useLayoutWork()

  function show(layout: Layout, anyway = false) {
    if (layout.id === open?.id) return onDone()
    setWanted(layout)
    work.run(() => openLayout(layout, anyway).then(onDone))
  }

  function remove(layout: Layout) {
    const wasOpen = layout.id === open?.id
    work.run(async () => setRemoved({ layout: await deleteLayout(layout, otherThan(layout, data)), wasOpen }))
  }

  function undo({ layout, wasOpen }: NonNullable<typeof removed>) {
    work.run(async () => {
      await restoreLayout(layout, wasOpen)
      setRestored(layout.id)
      setRemoved(null)
    })
  }

  function lookAgain() {
    work.forget()
    void refetch()
  }

  const failure = error ?? work.error
  return (
    <div className="flex flex-col gap-4">
      <Making taken={data.map((each) => each.name)} onDone={onDone} />
      {failure instanceof NotSaved && wanted ? (
        <ProblemNotice
          error={failure}
          retry={() => show(wanted, true)}
          retryLabel={`Open ${wanted.name} without saving`}
        />
      ) : (
        <Trouble
          error={failure}
          unsent={unsent === true && !isFetching}
          retry={error || isUnreachable(failure) ? lookAgain : undefined}
        />
      )}
      {removed && (
        <div
          key={removed.layout.id}
          role="status"
          className="flex items-center justify-between gap-3 rounded-control bg-surface py-1 pl-4"
        >
          <span className="min-w-0 break-words">
            “{removed.layout.name}” is deleted.{removed.wasOpen && open && ` “${open.name}” is open now.`}
          </span>
          <Button autoFocus kind="quiet" busy={work.busy} onClick={() => undo(removed)}>
            Undo
          </Button>
        </div>
      )}
      {isPending && <SkeletonRows rows={2} label="Loading layouts" />}
      <ul aria-label="Your layouts" className="divide-y divide-hairline">
        {data.map((layout) => (
          <LayoutRow
            key={layout.id}
            layout={layout}
            others={data.filter((each) => each !== layout)}
            isOpen={layout.id === open?.id}
            focused={layout.id === restored}
            busy={work.busy}
            onOpen={() => show(layout)}
            onDelete={() => remove(layout)}
          />
        ))}
      </ul>
    </div>
  )
}

/** Nobody is asked to do anything about a server that does not answer: nothing is lost meanwhile. */
function Trouble({ error, unsent, retry }: { error: unknown; unsent: boolean; retry: (() => void) | undefined }) {
  if (error && !isUnreachable(error)) return <ProblemNotice error={error} retry={retry} />
  if (!error && !unsent) return null
  return (
    <Notice kind="warning">
      <p role="alert">
        {error ? UNREACHABLE : 'Your last changes are not saved yet.'} Your charts are kept on this device until then.
      </p>
      {retry && (
        <Button size="small" className="mt-2" onClick={retry}>
          Try again
        </Button>
      )}
    </Notice>
  )
}
