import { useState } from 'react'

import { Button } from '@/ui/Button'
import { Choice, Field } from '@/ui/Field'

import type { Indicator, IndicatorInput } from '../data/catalogue'
import type { Inputs } from '../data/drawable'

/** A form made from what the catalogue says about the inputs. */
export function IndicatorForm({
  indicator,
  inputs,
  action,
  onDone,
}: {
  indicator: Indicator
  inputs: Inputs
  action: string
  onDone: (inputs: Inputs) => void
}) {
  const [typed, setTyped] = useState(() =>
    Object.fromEntries(indicator.inputs.map((input) => [input.name, String(inputs[input.name] ?? input.default)])),
  )
  const [asked, setAsked] = useState(false)
  const problems = indicator.inputs.map((input) => inputProblem(input, typed[input.name] ?? ''))

  function submit(event: React.FormEvent) {
    event.preventDefault()
    setAsked(true)
    if (problems.every((problem) => problem === undefined)) onDone(readInputs(indicator, typed))
  }

  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      <p className="text-sm text-muted">{indicator.about}</p>
      {indicator.inputs.map((input, index) => {
        const value = typed[input.name] ?? ''
        const change = (next: string) => setTyped({ ...typed, [input.name]: next })
        return input.options && input.options.length > 0 ? (
          <Choice
            key={input.name}
            label={input.label}
            value={value}
            onChange={(event) => change(event.target.value)}
            options={input.options.map((option) => ({ value: option, label: option }))}
          />
        ) : (
          <Field
            key={input.name}
            label={input.label}
            inputMode={input.kind === 'int' ? 'numeric' : 'decimal'}
            value={value}
            onChange={(event) => change(event.target.value)}
            error={asked ? problems[index] : undefined}
          />
        )
      })}
      <Button type="submit" kind="primary" className="w-full">
        {action}
      </Button>
    </form>
  )
}

/** What is wrong with a typed input and what it may be, or undefined. */
export function inputProblem(input: IndicatorInput, typed: string): string | undefined {
  if (input.kind !== 'int' && input.kind !== 'float') return undefined
  const number = Number(typed)
  if (typed.trim() === '' || !Number.isFinite(number)) return 'Write a number.'
  if (input.kind === 'int' && !Number.isInteger(number)) return 'Write a whole number.'
  if (input.min != null && number < input.min) return `At least ${input.min}.`
  if (input.max != null && number > input.max) return `At most ${input.max}.`
  return undefined
}

export function readInputs(indicator: Indicator, typed: Record<string, string>): Inputs {
  return Object.fromEntries(
    indicator.inputs.map(({ name, kind }) => {
      const text = typed[name] ?? ''
      return [name, kind === 'int' || kind === 'float' ? Number(text) : text]
    }),
  )
}
