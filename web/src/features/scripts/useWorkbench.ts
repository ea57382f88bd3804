import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'

import { ProblemError } from '@/api/problem'
import type { Timeframe } from '@/features/chart/data/timeframes'
import { randomKey } from '@/lib/ids'
import { toast } from '@/ui/toasts'

import { changeScript, checkScript, createScript, scriptQuery } from './queries'
import type { InputValue } from './scriptInputs'
import type { CheckView, Fault, Findings, ScriptView } from './types'

/** Where a script is tried. */
export interface Place {
  series: string
  timeframe: Timeframe
}

/** What is drawn: a source with the inputs it is tried with. */
export interface Trial {
  source: string
  inputs: Record<string, InputValue>
}

const CONFLICT = 409

/** One script being written: its text, what was tried of it, and what is kept. `kept` null: it is new. */
export function useWorkbench({
  kept,
  name,
  source,
  onCreated,
}: {
  kept: ScriptView | null
  name: string
  source: string
  onCreated: (script: ScriptView) => void
}) {
  const client = useQueryClient()
  const [base, setBase] = useState<ScriptView | null>(kept)
  const [draft, setDraft] = useState({ name, source })
  const [trial, setTrial] = useState<Trial>({ source, inputs: {} })
  const [checked, setChecked] = useState<(CheckView & Pick<Trial, 'source'>) | null>(null)
  /** What only drawing it has told. */
  const [drawnFault, setDrawnFault] = useState<(Fault & Pick<Trial, 'source'>) | null>(null)
  const [theirs, setTheirs] = useState<ScriptView | null>(null)
  /** One key for all tries to save the same. */
  const intent = useRef({ body: '', key: '' })
  const isDirty = base === null ? draft.source !== source || draft.name !== name : draft.source !== base.source || draft.name !== base.name // prettier-ignore

  const check = useMutation({
    mutationFn: async ({ source: text, place }: { source: string; place: Place }) => {
      const found = await checkScript({ source: text, inputs: trial.inputs, ...place })
      if (found.error?.kind !== 'refused' || Object.keys(trial.inputs).length === 0) return found
      // The text may ask for other inputs now.
      setTrial({ source: text, inputs: {} })
      return checkScript({ source: text, inputs: {}, ...place })
    },
    onMutate: ({ source: text }) => setTrial((before) => ({ ...before, source: text })),
    onSuccess: (found, { source: text }) => setChecked({ ...found, source: text }),
  })

  /** `over`: the version to go on from, where another was saved meanwhile. */
  const save = useMutation({
    mutationFn: (over: number | undefined) => {
      const { name: called, source: text } = draft
      const wanted = { name: called.trim(), source: text, version: over ?? base?.version ?? 0 }
      const body = JSON.stringify([base?.id, wanted])
      if (intent.current.body !== body) intent.current = { body, key: randomKey() }
      const { key } = intent.current
      return base === null ? createScript(wanted.name, text, key) : changeScript(base.id, wanted, key)
    },
    onSuccess: (saved) => {
      setTheirs(null)
      intent.current = { body: '', key: '' }
      take(saved, draft.source)
      toast(base === null || saved.version > base.version ? `Saved as version ${saved.version}.` : 'Saved.')
      if (base === null) onCreated(saved)
    },
    onError: (error) => void onRefused(error),
  })

  async function onRefused(error: unknown) {
    if (!(error instanceof ProblemError)) return
    intent.current = { body: '', key: '' }
    if (error.problem.status !== CONFLICT || base === null) return
    setTheirs(await client.fetchQuery({ ...scriptQuery(base.id), staleTime: 0 }))
  }

  /** What was saved is what is kept now, and was tried by that. */
  function take(saved: ScriptView, sent: string) {
    client.setQueryData(scriptQuery(saved.id).queryKey, saved)
    void client.invalidateQueries({ queryKey: ['scripts'], exact: true })
    setBase(saved)
    setDraft((now) => ({ name: saved.name, source: now.source === sent ? saved.source : now.source }))
    setTrial((before) => ({ ...before, source: saved.source }))
  }

  return {
    base,
    draft,
    change: (part: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...part })),
    isDirty,
    trial,
    setInputs: (inputs: Trial['inputs']) => setTrial((before) => ({ ...before, inputs })),
    check,
    checked,
    save,
    theirs,
    /** Another was saved meanwhile: this one goes on from it, or gives way. */
    keepMine: () => theirs && save.mutate(theirs.version),
    takeTheirs: () => {
      if (!theirs) return
      take(theirs, draft.source)
      setDraft({ name: theirs.name, source: theirs.source })
      setTheirs(null)
    },
    forgetTheirs: () => setTheirs(null),
    setPreviewFault: (fault: Fault | null) => setDrawnFault(fault && { ...fault, source: trial.source }),
    ...told(base, checked, trial, drawnFault),
  }
}

/** What is known of the source that was tried last: from a check, or from the time it was saved. */
function told(
  base: ScriptView | null,
  checked: (CheckView & Pick<Trial, 'source'>) | null,
  trial: Trial,
  drawnFault: (Fault & Pick<Trial, 'source'>) | null,
) {
  const fresh = checked?.source === trial.source ? checked : null
  const saved = base?.source === trial.source ? base : null
  const known: { error: Fault | null; findings: Findings } | null = fresh ?? saved
  return {
    fresh,
    /** It is known to give nothing, so there is nothing to be drawn. */
    isBroken: known?.error != null,
    fault: known?.error ?? (drawnFault?.source === trial.source ? drawnFault : null),
    findings: known?.findings ?? null,
    inputs: fresh?.inputs ?? saved?.inputs ?? checked?.inputs ?? base?.inputs ?? [],
  }
}

export type Workbench = ReturnType<typeof useWorkbench>
