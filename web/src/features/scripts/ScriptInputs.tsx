import clsx from 'clsx'
import { useId } from 'react'

import { Choice, Field } from '@/ui/Field'

import type { ScriptInput, Typed } from './scriptInputs'
import { inputProblem, optionsOf } from './scriptInputs'

/** A script's inputs as fields. `showProblems`: once somebody has asked for more than typing. */
export function ScriptInputs({
  inputs,
  typed,
  onChange,
  showProblems = false,
}: {
  inputs: readonly ScriptInput[]
  typed: Typed
  onChange: (typed: Typed) => void
  showProblems?: boolean
}) {
  if (inputs.length === 0) return null
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      {inputs.map((input, place) => (
        <Input
          key={input.name}
          input={input}
          isBeside={isField(inputs[place % 2 === 0 ? place + 1 : place - 1])}
          value={typed[input.name] ?? ''}
          problem={showProblems ? inputProblem(input, typed[input.name]) : undefined}
          onChange={(value) => onChange({ ...typed, [input.name]: value })}
        />
      ))}
    </div>
  )
}

/** A yes or no has its words beside it, all else above. */
const isField = (input: ScriptInput | undefined) => input !== undefined && input.kind !== 'bool'

function Input({
  input,
  isBeside,
  value,
  problem,
  onChange,
}: {
  input: ScriptInput
  /** There is a field in the same row. */
  isBeside: boolean
  value: string | boolean
  problem: string | undefined
  onChange: (value: string | boolean) => void
}) {
  const help = useId()
  const options = optionsOf(input)
  if (input.kind === 'bool') {
    return (
      <label className={clsx('flex min-h-11 items-center gap-3 self-start', isBeside && 'sm:mt-6')}>
        <input
          type="checkbox"
          checked={value === true}
          onChange={(event) => onChange(event.target.checked)}
          className="size-4 shrink-0 accent-ink"
        />
        <span>
          {input.label}
          {input.help && <span className="block text-sm text-muted">{input.help}</span>}
        </span>
      </label>
    )
  }
  if (options) {
    return (
      <div>
        <Choice
          label={input.label}
          value={String(value)}
          onChange={(event) => onChange(event.target.value)}
          options={options.map((option) => ({ value: option, label: option }))}
          {...(input.help ? { 'aria-describedby': help } : {})}
        />
        {input.help && (
          <p id={help} className="mt-1.5 text-sm text-muted">
            {input.help}
          </p>
        )}
      </div>
    )
  }
  const number = input.kind === 'int' || input.kind === 'float'
  return (
    <Field
      label={input.label}
      value={String(value)}
      {...(number ? { inputMode: input.kind === 'int' ? 'numeric' : 'decimal' } : {})}
      onChange={(event) => onChange(event.target.value)}
      error={problem}
      hint={input.help}
      autoComplete="off"
    />
  )
}
