import { Check, Pencil, Trash2 } from 'lucide-react'
import { useRef, useState } from 'react'

import { chartsWords, renameLayout } from '../layouts'
import type { Layout } from '../layoutSync'
import { NameForm } from './NameForm'
import { ToolButton } from './Toolbar'

/** One layout: its name opens it. The last one stays. */
export function LayoutRow({
  layout,
  others,
  isOpen,
  focused,
  busy,
  onOpen,
  onDelete,
}: {
  layout: Layout
  others: readonly Layout[]
  isOpen: boolean
  focused: boolean
  busy: boolean
  onOpen: () => void
  onDelete: () => void
}) {
  const { name } = layout
  const [renaming, setRenaming] = useState(false)
  const pencil = useRef<HTMLButtonElement>(null)

  function endRenaming() {
    setRenaming(false)
    pencil.current?.focus()
  }

  return (
    <li className="py-1">
      <div className="flex items-center gap-1">
        <button
          type="button"
          autoFocus={focused}
          aria-current={isOpen || undefined}
          aria-disabled={busy || undefined}
          onClick={onOpen}
          className="flex min-h-11 min-w-0 flex-1 items-center gap-3 rounded-control px-2 py-1.5 text-left hover:bg-hover"
        >
          <Check aria-hidden className={`size-4 shrink-0 ${isOpen ? '' : 'invisible'}`} />
          <span className="min-w-0">
            <span className="block truncate font-medium">{name}</span>{' '}
            <span className="block truncate text-sm text-muted">{chartsWords(layout)}</span>
          </span>
        </button>
        <ToolButton
          ref={pencil}
          aria-label={`Rename ${name}`}
          aria-expanded={renaming}
          title="Rename"
          onClick={() => setRenaming(!renaming)}
        >
          <Pencil aria-hidden className="size-4" />
        </ToolButton>
        {others.length > 0 && (
          <ToolButton aria-label={`Delete ${name}`} title="Delete" aria-disabled={busy || undefined} onClick={onDelete}>
            <Trash2 aria-hidden className="size-4 text-error" />
          </ToolButton>
        )}
      </div>
      {renaming && (
        <div className="py-3 pl-9">
          <NameForm
            label="New name"
            action="Rename"
            name={name}
            taken={others.map((each) => each.name)}
            onName={(wanted) => renameLayout(layout, wanted).then(endRenaming)}
            onClose={endRenaming}
          />
        </div>
      )}
    </li>
  )
}
