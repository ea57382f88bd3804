import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'

import { ProblemError } from '@/api/problem'
import type { Timeframe } from '@/features/chart/data/timeframes'
import { randomKey } from '@/lib/ids'
import { toast } from '@/ui/toasts'

import { changeScript, checkScript, createScript, scriptQuery } from './queries'
import type { InputValue } from './scriptInputs'
import type { CheckView, Fault, Findings, ScriptView } from './types'
import { useFoundDraft, useKeptDraft } from './useKeptDraft'

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

/** What is sent to be saved, upon which version. */
interface Wanted {
  name: string
  source: string
  version: number
}

const CONFLICT = 409

/** One script being written: its text, what was tried of it, and what is kept. `kept` null: it is new. */
export function useWorkbench({
  kept,
  draftId,
  name,
  source,
  onCreated,
}: {
  kept: ScriptView | null
  /** Under which what is not saved is kept while the script is new. */
  draftId: string
  name: string
  source: string
  onCreated: (script: ScriptView) => void
}) {
  const client = useQueryClient()
  const [base, setBase] = useState<ScriptView | null>(kept)
  const { user, found, forgetFound } = useFoundDraft(kept?.id ?? draftId)
  const [draft, setDraft] = useState({ name: found?.name ?? name, source: found?.source ?? source })
  /** The version that the text goes on from: an older one where another was saved while this text was kept. */
  const [upon, setUpon] = useState(found?.version ?? kept?.version ?? 0)
  const [trial, setTrial] = useState<Trial>({ source, inputs: {} })
  const [checked, setChecked] = useState<(CheckView & Pick<Trial, 'source'>) | null>(null)
  /** What only drawing it has told. */
  const [drawnFault, setDrawnFault] = useState<(Fault & Pick<Trial, 'source'>) | null>(null)
  const [theirs, setTheirs] = useState<ScriptView | null>(null)
  /** One key for all tries to save the same. */
  const intent = useRef({ body: '', key: '' })
  const saved = base ?? { name, source }
  const isDirty = draft.source !== saved.source || draft.name !== saved.name
  /** Saving it once more gives the version what a check finds. */
  const isUnsearched = base !== null && base.error === null && base.findings.state === 'unchecked'
  const canSave = (isDirty || base === null || isUnsearched) && draft.name.trim() !== ''
  const { keepNow, drop } = useKeptDraft(user, base?.id ?? draftId, isDirty, { ...draft, version: upon })

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

  const save = useMutation({
    mutationFn: (wanted: Wanted) => {
      const body = JSON.stringify([base?.id, wanted])
      if (intent.current.body !== body) intent.current = { body, key: randomKey() }
      const { key } = intent.current
      return base === null ? createScript(wanted.name, wanted.source, key) : changeScript(base.id, wanted, key)
    },
    onSuccess: (made, sent) => {
      setTheirs(null)
      intent.current = { body: '', key: '' }
      drop()
      take(made, sent)
      toast(base === null || made.version > base.version ? `Saved as version ${made.version}.` : 'Saved.')
      if (base === null) onCreated(made)
    },
    onError: (error) => void onRefused(error),
  })
  /** `over`: the version to go on from, where another was saved meanwhile. `then`: once it is saved. */
  function keep({ over = upon, then }: { over?: number; then?: () => void } = {}) {
    if (save.isPending) return
    save.mutate({ name: draft.name.trim(), source: draft.source, version: over }, { onSuccess: () => then?.() })
  }

  async function onRefused(error: unknown) {
    if (!(error instanceof ProblemError)) return
    intent.current = { body: '', key: '' }
    if (error.problem.status !== CONFLICT || base === null) return
    const query = client.fetchQuery({ ...scriptQuery(base.id), staleTime: 0 })
    // Where it cannot be asked for, the refusal itself stays on the page.
    setTheirs(await query.catch(() => null))
  }

  /** What was saved is what is kept now, and was tried by that. What was typed since it was sent stays. */
  function take(made: ScriptView, sent: Omit<Wanted, 'version'>) {
    client.setQueryData(scriptQuery(made.id).queryKey, made)
    void client.invalidateQueries({ queryKey: ['scripts'], exact: true })
    setBase(made)
    setUpon(made.version)
    forgetFound()
    setDraft((now) => ({
      name: now.name.trim() === sent.name.trim() ? made.name : now.name,
      source: now.source === sent.source ? made.source : now.source,
    }))
    setTrial((before) => ({ ...before, source: made.source }))
  }

  return {
    base,
    draft,
    change: (part: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...part })),
    isDirty,
    canSave,
    /** What was kept of an earlier time and stands in the editor. */
    found: isDirty ? found : null,
    discard: () => {
      forgetFound()
      setUpon(base?.version ?? 0)
      setDraft({ name: saved.name, source: saved.source })
    },
    keepNow,
    drop,
    trial,
    setInputs: (inputs: Trial['inputs']) => setTrial((before) => ({ ...before, inputs })),
    check,
    checked,
    save,
    keep,
    theirs,
    /** Another was saved meanwhile: this one goes on from it, or gives way. */
    keepMine: () => theirs && keep({ over: theirs.version }),
    takeTheirs: () => {
      if (!theirs) return
      take(theirs, draft)
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
