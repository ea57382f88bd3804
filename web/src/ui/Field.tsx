import clsx from 'clsx'
import { CircleAlert } from 'lucide-react'
import type { ComponentProps, ReactNode } from 'react'
import { useId } from 'react'

import { ServerWords } from './ServerWords'

export interface FieldProps extends ComponentProps<'input'> {
  label: string
  hint?: ReactNode
  error?: string | undefined
  suffix?: string
  large?: boolean
  /** The label stands beside it already; screen readers still hear it. */
  hideLabel?: boolean
}

/** A labelled input with its hint and its error tied to it. */
export function Field({
  label,
  hint,
  error,
  suffix,
  large = false,
  hideLabel = false,
  className,
  id,
  ...rest
}: FieldProps) {
  const generated = useId()
  const input = id ?? generated
  const hintId = `${input}-hint`
  const errorId = `${input}-error`
  const described = clsx(hint && hintId, error && errorId)
  return (
    <div className={className}>
      <label htmlFor={input} className={hideLabel ? 'sr-only' : 'mb-1.5 block text-sm text-muted'}>
        {label}
      </label>
      <div className="relative">
        <input
          id={input}
          aria-invalid={error ? true : undefined}
          aria-describedby={described || undefined}
          className={clsx(
            'w-full rounded-control border bg-canvas text-ink placeholder:text-muted',
            large ? 'tnum h-14 px-4 text-xl font-medium' : 'h-11 px-3',
            suffix && 'pr-18',
            error ? 'border-error' : 'border-edge',
          )}
          {...rest}
        />
        {suffix && (
          <span aria-hidden className="pointer-events-none absolute inset-y-0 right-4 flex items-center text-muted">
            {suffix}
          </span>
        )}
      </div>
      {error && (
        <p id={errorId} role="alert" className="mt-1.5 flex gap-1.5 text-sm text-error">
          <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
          <span>
            <ServerWords>{error}</ServerWords>
          </span>
        </p>
      )}
      {hint && (
        <div id={hintId} className="mt-1.5 text-sm text-muted">
          {hint}
        </div>
      )}
    </div>
  )
}

/** Goes to the first field of a form that says what is wrong with it, if there is one. */
export function focusFault(form: HTMLFormElement): boolean {
  const field = form.querySelector<HTMLElement>('[aria-invalid=true]')
  field?.focus()
  return field !== null
}

/** A labelled native select: the platform's own list, keyboard and all. */
export function Choice({
  label,
  options,
  className,
  hideLabel = false,
  ...rest
}: ComponentProps<'select'> & {
  label: string
  options: { value: string; label: string }[]
  hideLabel?: boolean
}) {
  const id = useId()
  return (
    <div className={className}>
      <label htmlFor={id} className={hideLabel ? 'sr-only' : 'mb-1.5 block text-sm text-muted'}>
        {label}
      </label>
      <select id={id} className="h-11 w-full rounded-control border border-edge bg-canvas px-3 text-ink" {...rest}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  )
}
