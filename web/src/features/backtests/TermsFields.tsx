import { Field } from '@/ui/Field'

import type { TermProblems, TypedTerms } from './terms'

/** Capital and costs. */
export function TermsFields({
  terms,
  problems,
  onChange,
}: {
  terms: TypedTerms
  problems: TermProblems
  onChange: (terms: TypedTerms) => void
}) {
  const field = (name: Exclude<keyof TypedTerms, 'shorts'>) => ({
    value: terms[name],
    error: problems[name],
    inputMode: 'decimal' as const,
    autoComplete: 'off',
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => onChange({ ...terms, [name]: event.target.value }),
  })
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Field label="Capital" hint="In the currency of the prices." {...field('capital')} />
      <Field
        label="Used per signal"
        suffix="%"
        hint="Of what the account is worth. A target of the script's own counts instead."
        {...field('size')}
      />
      <Field label="Fee per trade" suffix="%" hint="Of the value traded." {...field('fee')} />
      <Field label="Slippage" suffix="%" hint="How much worse than the bar's open it trades." {...field('slippage')} />
      <label className="flex min-h-11 items-start gap-3 sm:col-span-2">
        <input
          type="checkbox"
          checked={terms.shorts}
          onChange={(event) => onChange({ ...terms, shorts: event.target.checked })}
          className="mt-1 size-4 shrink-0 accent-ink"
        />
        <span>
          Allow selling short
          <span className="block text-sm text-muted">Without it, a signal to sell only closes what is held.</span>
        </span>
      </label>
    </div>
  )
}
