import { useEffect, useRef, useState } from 'react'

import { ScriptInputs } from './ScriptInputs'
import type { ScriptInput } from './scriptInputs'
import { inputsHold, typedOf, valuesOf } from './scriptInputs'
import type { Trial } from './useWorkbench'

/** Somebody who types is given so long to finish. */
const PAUSE = 400

/** What the script asks for; it is tried anew with every answer that holds. */
export function TrialInputs({
  inputs,
  values,
  onChange,
}: {
  inputs: readonly ScriptInput[]
  values: Trial['inputs']
  onChange: (values: Trial['inputs']) => void
}) {
  const [typed, setTyped] = useState(() => typedOf(inputs, values))
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <fieldset>
      <legend className="mb-3 text-lg font-semibold">Inputs</legend>
      <ScriptInputs
        inputs={inputs}
        typed={typed}
        showProblems
        onChange={(next) => {
          setTyped(next)
          clearTimeout(timer.current)
          if (inputsHold(inputs, next)) timer.current = setTimeout(() => onChange(valuesOf(inputs, next)), PAUSE)
        }}
      />
    </fieldset>
  )
}
