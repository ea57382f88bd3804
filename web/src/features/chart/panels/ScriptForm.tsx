import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { ScriptInputs } from '@/features/scripts/ScriptInputs'
import { inputsHold, typedOf, valuesOf } from '@/features/scripts/scriptInputs'
import type { Findings, ScriptSummary } from '@/features/scripts/types'
import { searchWords, worstOf } from '@/features/scripts/words'
import { Button } from '@/ui/Button'
import { Notice } from '@/ui/States'

import type { Inputs } from '../data/drawable'

/** What a script of the user's is drawn with. */
export function ScriptForm({
  script,
  inputs,
  action,
  onDone,
}: {
  script: ScriptSummary
  inputs: Inputs
  action: string
  onDone: (inputs: Inputs) => void
}) {
  const [typed, setTyped] = useState(() => typedOf(script.inputs, inputs))
  const [asked, setAsked] = useState(false)

  function submit(event: React.FormEvent) {
    event.preventDefault()
    setAsked(true)
    if (inputsHold(script.inputs, typed)) onDone(valuesOf(script.inputs, typed))
  }

  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {script.error && (
        <Notice kind="warning">
          {script.error.line ? `Line ${script.error.line}: ` : ''}
          {script.error.message}
        </Notice>
      )}
      {script.findings.state === 'suspect' && <Notice kind="warning">{suspectWords(script.findings)}</Notice>}
      {script.findings.state === 'unchecked' && !script.error && (
        <Notice kind="warning">{searchWords(script.findings)} Open it in the editor and check it.</Notice>
      )}
      <ScriptInputs inputs={script.inputs} typed={typed} onChange={setTyped} showProblems={asked} />
      {script.inputs.length === 0 && !script.error && <p className="text-sm text-muted">It asks for nothing.</p>}
      <Button type="submit" kind="primary" className="w-full">
        {action}
      </Button>
      <p className="text-sm">
        <Link to="/scripts/$scriptId" params={{ scriptId: script.id }} className="underline underline-offset-2">
          Open it in the editor
        </Link>
      </p>
    </form>
  )
}

const suspectWords = (findings: Findings) =>
  worstOf(findings) === 'random'
    ? 'This script draws something else each time it runs.'
    : 'This script looks into the future: what it draws could not be known at the time.'
