import { useQuery } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { useState } from 'react'

import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'
import { Notice, ProblemNotice, SkeletonRows } from '@/ui/States'
import { toast } from '@/ui/toasts'

import type { LimitField } from './fields'
import { GROUPS, limitsOf, problemOf, SUFFIX, shown, typedOf } from './fields'
import type { LimitName, Limits, LimitsView, Owner } from './queries'
import { limitsQuery, useSaveLimits } from './queries'
import { UsageBar } from './UsageBar'

/** The limits of a user or a position: what is used, and what may be changed. */
export function LimitsForm({ owner }: { owner: Owner }) {
  const { data, error, refetch } = useQuery(limitsQuery(owner))
  if (!data) {
    return error ? (
      <ProblemNotice error={error} retry={() => void refetch()} />
    ) : (
      <SkeletonRows rows={8} label="Loading limits" />
    )
  }
  return <Form key={JSON.stringify(ownOf(data))} owner={owner} view={data} stale={error !== null} />
}

const ownOf = (view: LimitsView): Limits => ('position' in view ? view.position : view.user)

/** The tightest of what applies anyway: nobody can allow themselves more. */
function ceilingOf(view: LimitsView, name: LimitName): string | number | null {
  const users = 'position' in view ? view.user[name] : null
  return users ?? view.defaults[name] ?? null
}

function Form({ owner, view, stale }: { owner: Owner; view: LimitsView; stale: boolean }) {
  const groups = GROUPS.map((group) => ({
    ...group,
    fields: group.fields.filter((field) => owner === null || !field.userOnly),
  }))
  const fields = groups.flatMap((group) => group.fields)
  const before = Object.fromEntries(fields.map((field) => [field.name, typedOf(field, ownOf(view)[field.name])]))
  const [typed, setTyped] = useState(before as Record<LimitName, string>)
  const [errors, setErrors] = useState<Partial<Record<LimitName, string>>>({})
  const [key, setKey] = useState(randomKey)
  const save = useSaveLimits(owner)
  const changed = fields.some(({ name }) => typed[name] !== before[name])

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = event.currentTarget
    const found = Object.fromEntries(
      fields.flatMap((field) => {
        const problem = problemOf(field, typed[field.name], ceilingOf(view, field.name))
        return problem ? [[field.name, problem]] : []
      }),
    )
    setErrors(found)
    if (Object.keys(found).length > 0) {
      setTimeout(() => form.querySelector<HTMLElement>('[aria-invalid]')?.focus())
      return
    }
    const limits = limitsOf(typed, fields, ownOf(view))
    save.mutate({ limits, key }, { onSuccess: () => toast('The limits are saved, and hold from now on.') })
  }

  function change(name: LimitName, text: string) {
    setTyped({ ...typed, [name]: text })
    setErrors({ ...errors, [name]: undefined })
    setKey(randomKey())
  }

  return (
    <form noValidate onSubmit={submit}>
      {stale && (
        <Notice kind="warning" className="mb-6">
          Holdfast does not answer. What is used may be old.
        </Notice>
      )}
      {view.usage.unpriced.length > 0 && (
        <Notice kind="warning" className="mb-6">
          No price for {view.usage.unpriced.join(', ')}: what is held there is missing from these sums, and nothing more
          is opened in it.
        </Notice>
      )}
      <div className={stale ? 'stale' : ''}>
        {groups.map((group) => (
          <fieldset key={group.title} className="mb-10">
            <legend className="mb-2 text-lg font-semibold">{group.title}</legend>
            {group.fields.map((field) => (
              <Line
                key={field.name}
                field={field}
                view={view}
                ceiling={ceilingOf(view, field.name)}
                typed={typed[field.name]}
                error={errors[field.name]}
                onChange={(text) => change(field.name, text)}
              />
            ))}
          </fieldset>
        ))}
      </div>
      {save.error && <ProblemNotice error={save.error} className="mb-6" />}
      {changed && (
        <div className="sticky bottom-14 z-10 flex gap-3 border-t border-hairline bg-canvas py-4 md:bottom-0">
          <Button type="submit" kind="primary" busy={save.isPending}>
            Save limits
          </Button>
          <Button
            kind="quiet"
            onClick={() => {
              setTyped(before as Record<LimitName, string>)
              setErrors({})
            }}
          >
            Undo
          </Button>
        </div>
      )}
    </form>
  )
}

function Line({
  field,
  view,
  ceiling,
  typed,
  error,
  onChange,
}: {
  field: LimitField
  view: LimitsView
  ceiling: string | number | null
  typed: string
  error: string | undefined
  onChange: (text: string) => void
}) {
  const limit = view.effective[field.name] ?? null
  const used = field.used?.(view.usage) ?? null
  return (
    <div className="grid gap-x-8 gap-y-1 border-b border-hairline py-4 md:grid-cols-[1fr_240px]">
      <div className="min-w-0">
        <p aria-hidden className="font-medium">
          {field.label}
        </p>
        <p className="text-sm text-muted">{field.hint}</p>
        {used !== null && limit !== null && <UsageBar field={field} used={used} limit={limit} />}
      </div>
      <Field
        label={field.label}
        hideLabel
        suffix={SUFFIX[field.kind]}
        inputMode={field.kind === 'count' ? 'numeric' : 'decimal'}
        autoComplete="off"
        placeholder={ceiling === null ? 'No limit' : shown(field, ceiling)}
        value={typed}
        error={error}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  )
}
