import { Link, useNavigate } from '@tanstack/react-router'
import { ArrowLeft, Check, FlaskConical, Play, Save, Search, Trash2 } from 'lucide-react'
import { useState } from 'react'

import { Button } from '@/ui/Button'
import { Kbd } from '@/ui/Kbd'
import { Spinner } from '@/ui/Spinner'

import { DeleteScript } from './DeleteScript'
import type { Workbench } from './useWorkbench'

/** The name of the script, and what can be done with it. */
export function WorkbenchBar({
  work,
  onFind,
  onCheck,
  onSave,
}: {
  work: Workbench
  onFind: (() => void) | null
  onCheck: () => void
  onSave: () => void
}) {
  const { base, draft, change, isDirty, canSave, check, save } = work
  const [deleting, setDeleting] = useState(false)
  return (
    <div className="flex flex-wrap items-center gap-x-2 gap-y-2 border-b border-hairline px-3 py-2">
      <span className="flex min-w-0 flex-1 items-center gap-2 max-md:basis-full">
        <Link
          to="/scripts"
          aria-label="All scripts"
          title="All scripts"
          className="grid size-8 place-items-center rounded-control text-muted hover:bg-hover hover:text-ink max-md:size-11"
        >
          <ArrowLeft aria-hidden className="size-4" />
        </Link>
        <input
          aria-label="Name of the script"
          value={draft.name}
          maxLength={80}
          onChange={(event) => change({ name: event.target.value })}
          className="h-8 min-w-0 flex-1 rounded-control border border-transparent bg-canvas px-2 text-lg font-semibold hover:border-hairline focus:border-edge max-md:h-11 md:max-w-sm"
        />
        <span role="status" className="text-sm whitespace-nowrap text-muted">
          {save.isPending
            ? 'Saving …'
            : base === null
              ? 'Not saved yet'
              : isDirty
                ? 'Unsaved changes'
                : `Version ${base.version}`}
        </span>
      </span>
      <span className="max-md:hidden">
        <FindButton onFind={onFind} />
      </span>
      <span className="flex gap-2 max-md:flex-1 max-md:*:flex-1">
        <Button size="small" aria-busy={check.isPending} onClick={onCheck} title="Check (Ctrl Enter)">
          {check.isPending ? <Spinner /> : <Check aria-hidden className="size-4" />}
          Check
          <span aria-hidden className="max-xl:hidden">
            <Kbd keys="mod ⏎" />
          </span>
        </Button>
        <Button
          size="small"
          kind="primary"
          busy={save.isPending}
          disabled={!canSave}
          onClick={onSave}
          title="Save (Ctrl S)"
        >
          {!save.isPending && <Save aria-hidden className="size-4" />}
          Save
        </Button>
      </span>
      {base && (
        <span className="flex gap-2 max-md:*:px-3">
          <Uses id={base.id} work={work} />
          <Button size="small" kind="quiet" aria-label="Delete" title="Delete" onClick={() => setDeleting(true)}>
            <Trash2 aria-hidden className="size-4" />
          </Button>
        </span>
      )}
      {deleting && base && <DeleteScript script={base} work={work} onClose={() => setDeleting(false)} />}
    </div>
  )
}

/** For who does not know the keys, or has none. null: the editor is still on its way. */
export function FindButton({ onFind }: { onFind: (() => void) | null }) {
  return (
    <Button
      size="small"
      kind="quiet"
      aria-label="Find and replace"
      title="Find and replace (Ctrl F in the text)"
      disabled={onFind === null}
      onClick={() => onFind?.()}
    >
      <Search aria-hidden className="size-4" />
    </Button>
  )
}

const USES = [
  { to: '/backtests/new', Icon: FlaskConical, words: 'Back-test', savedFirst: 'Save and back-test' },
  { to: '/strategies/new', Icon: Play, words: 'Run on paper', savedFirst: 'Save and run on paper' },
] as const

/** What a script is for, besides being looked at. Both take the version that is saved, so what is not is saved first. */
function Uses({ id, work }: { id: string; work: Workbench }) {
  const { isDirty, canSave, keep } = work
  const navigate = useNavigate()
  return USES.map(({ to, Icon, words, savedFirst }) =>
    isDirty ? (
      <Button
        key={to}
        size="small"
        disabled={!canSave}
        title={savedFirst}
        onClick={() => keep({ then: () => void navigate({ to, search: { script: id }, ignoreBlocker: true }) })}
      >
        <Icon aria-hidden className="size-4" />
        <span className="max-md:sr-only">{savedFirst}</span>
      </Button>
    ) : (
      <Button key={to} size="small" asChild>
        <Link to={to} search={{ script: id }} title={words}>
          <Icon aria-hidden className="size-4" />
          <span className="max-md:sr-only">{words}</span>
        </Link>
      </Button>
    ),
  )
}
