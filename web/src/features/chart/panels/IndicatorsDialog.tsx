import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { session } from '@/api/session'
import { scriptsQuery } from '@/features/scripts/queries'
import type { ScriptSummary } from '@/features/scripts/types'
import { useStore } from '@/lib/store'
import { Dialog } from '@/ui/Dialog'
import { Field } from '@/ui/Field'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import type { Indicator } from '../data/catalogue'
import { defaultInputs, indicatorsQuery } from '../data/catalogue'
import type { Inputs } from '../data/drawable'
import { scriptIdOf, scriptSpecId } from '../data/drawable'
import type { IndicatorSpec } from '../engine/spec'
import { IndicatorForm } from './IndicatorForm'
import { ScriptForm } from './ScriptForm'
import { ScriptRows } from './ScriptRows'

/** Adds an indicator or a script, or, with `editing`, changes the inputs of one. */
export default function IndicatorsDialog({
  editing,
  onAdd,
  onChange,
  onClose,
}: {
  editing: IndicatorSpec | null
  onAdd: (id: string, inputs: Inputs) => void
  onChange: (inputs: Inputs) => void
  onClose: () => void
}) {
  const catalogue = useQuery(indicatorsQuery)
  const signedIn = useStore(session).status === 'in'
  const scripts = useQuery({ ...scriptsQuery, enabled: signedIn })
  const [picked, setPicked] = useState<Indicator | ScriptSummary | null>(null)
  const editedScript = editing && scriptIdOf(editing.id)
  const edited =
    scripts.data?.find((each) => each.id === editedScript) ?? catalogue.data?.find((each) => each.id === editing?.id)
  const shown = edited ?? picked
  const action = editing ? 'Apply' : 'Add to the chart'

  function done(id: string, inputs: Inputs) {
    if (editing) onChange(inputs)
    else onAdd(id, inputs)
    onClose()
  }

  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={shown?.name ?? 'Indicators'}>
      {catalogue.error && <ProblemNotice error={catalogue.error} retry={() => void catalogue.refetch()} />}
      {catalogue.isPending && <SkeletonRows rows={6} />}
      {shown && isScript(shown) && (
        <ScriptForm
          script={shown}
          inputs={editing?.inputs ?? {}}
          action={action}
          onDone={(inputs) => done(scriptSpecId(shown.id), inputs)}
        />
      )}
      {shown && !isScript(shown) && (
        <IndicatorForm
          indicator={shown}
          inputs={editing?.inputs ?? defaultInputs(shown)}
          action={action}
          onDone={(inputs) => done(shown.id, inputs)}
        />
      )}
      {catalogue.data && !shown && !editing && <Catalogue indicators={catalogue.data} onPick={setPicked} />}
    </Dialog>
  )
}

const isScript = (shown: Indicator | ScriptSummary): shown is ScriptSummary => 'version' in shown

function Catalogue({
  indicators,
  onPick,
}: {
  indicators: Indicator[]
  onPick: (picked: Indicator | ScriptSummary) => void
}) {
  const [typed, setTyped] = useState('')
  const wanted = typed.trim().toLowerCase()
  const found = indicators.filter((each) => `${each.name} ${each.id} ${each.about}`.toLowerCase().includes(wanted))
  const groups = [...new Set(found.map((each) => each.group))]
  return (
    <>
      <Field
        label="Find an indicator"
        hideLabel
        placeholder="Find an indicator"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <div className="mt-4 h-[46vh] overflow-y-auto">
        <ScriptRows typed={wanted} onPick={onPick} />
        {found.length === 0 && <p className="py-4 text-muted">No indicator has that name.</p>}
        {groups.map((group) => (
          <section key={group} aria-label={group} className="mb-4">
            <h3 className="mb-1 text-sm text-muted">{group}</h3>
            <ul>
              {found
                .filter((each) => each.group === group)
                .map((each) => (
                  <li key={each.id}>
                    <button
                      type="button"
                      onClick={() => onPick(each)}
                      className="min-h-11 w-full rounded-control px-2 py-1.5 text-left hover:bg-hover"
                    >
                      <span className="font-medium">{each.name}</span>
                      <span className="block text-sm text-muted">{each.about}</span>
                    </button>
                  </li>
                ))}
            </ul>
          </section>
        ))}
      </div>
    </>
  )
}
