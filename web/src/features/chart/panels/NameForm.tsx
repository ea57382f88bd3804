import type { FormEvent } from 'react'
import { useState } from 'react'

import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'

import { NotSaved } from '../layouts'
import { faultWords, useLayoutWork } from '../useLayoutWork'

const LONGEST = 80

/** Asks for the name of a layout, and says beside it what stands against it. */
export function NameForm({
  label,
  action,
  name = '',
  taken,
  onName,
  onClose,
}: {
  label: string
  action: string
  name?: string
  /** Names of the other layouts. */
  taken: readonly string[]
  /** `anyway`: although the last changes of the open layout are lost by that. */
  onName: (name: string, anyway: boolean) => Promise<unknown>
  onClose: () => void
}) {
  const [typed, setTyped] = useState(name)
  const [fault, setFault] = useState<string>()
  const { run, busy, error } = useLayoutWork()
  const anyway = error instanceof NotSaved

  function submit(event: FormEvent) {
    event.preventDefault()
    const wanted = typed.trim()
    const problem = faultOf(wanted, taken)
    setFault(problem)
    if (!problem) run(() => onName(wanted, anyway))
  }

  return (
    <form noValidate onSubmit={submit} className="flex flex-col gap-3">
      <Field
        autoFocus
        label={label}
        value={typed}
        maxLength={LONGEST}
        autoComplete="off"
        error={fault ?? (error ? faultWords(error) : undefined)}
        onFocus={(event) => event.target.select()}
        onChange={(event) => setTyped(event.target.value)}
      />
      <div className="flex gap-3">
        <Button type="submit" kind="primary" busy={busy}>
          {anyway ? `${action} without saving` : action}
        </Button>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  )
}

function faultOf(wanted: string, taken: readonly string[]): string | undefined {
  if (!wanted) return 'Give it a name.'
  return taken.includes(wanted) ? 'Another layout has this name.' : undefined
}
