import { useQuery } from '@tanstack/react-query'
import clsx from 'clsx'
import { useState } from 'react'

import { forGeometry } from '@/lib/numbers'
import { Field } from '@/ui/Field'
import { Money } from '@/ui/Money'
import { Segmented } from '@/ui/Segmented'
import { Spinner } from '@/ui/Spinner'

import type { Plan } from './queries'
import { costQuery } from './queries'
import type { OptionName, TacticKind, TacticWish } from './tactics'
import { firstWish, optionProblem, OPTIONS, TACTICS, USUAL, wishOf } from './tactics'

/** How the orders are sent. Every choice is previewed before it can be confirmed. */
export function TacticPicker({
  plan,
  choose,
  choosing,
}: {
  plan: Plan
  choose: (wish: TacticWish) => void
  choosing: boolean
}) {
  const [kind, setKind] = useState<TacticKind>(plan.tactic.kind)
  const shown = choosing ? kind : plan.tactic.kind
  const tactic = TACTICS.find((each) => each.kind === shown)

  function pick(next: TacticKind) {
    setKind(next)
    if (next !== plan.tactic.kind) choose(firstWish(next))
  }

  return (
    <section aria-label="How the orders are sent" className="mb-8 border-y border-hairline py-5">
      <div className="flex flex-wrap items-center justify-between gap-x-8 gap-y-4">
        <div className="flex flex-wrap items-center gap-3">
          <Segmented
            label="How the orders are sent"
            value={shown}
            onChange={pick}
            segments={TACTICS.map((each) => ({ value: each.kind, label: each.label }))}
          />
          {choosing && <Spinner />}
        </div>
        <Cost plan={plan} old={choosing} />
      </div>
      <p className="mt-3 max-w-[72ch] text-sm">{tactic?.text}</p>
      {!choosing && plan.tactic.note && <p className="mt-1 max-w-[72ch] text-sm text-muted">{plan.tactic.note}</p>}
      <Options key={shown} wish={shown === plan.tactic.kind ? wishOf(plan.tactic) : firstWish(shown)} choose={choose} />
    </section>
  )
}

/** What the choice should cost; beside it, what the usual way would. */
function Cost({ plan, old }: { plan: Plan; old: boolean }) {
  const isDefault = plan.tactic.kind === USUAL.kind
  const usual = useQuery({ ...costQuery(plan, USUAL), enabled: !isDefault }).data
  const own = plan.totals.expected_cost
  const most = Math.max(forGeometry(own), forGeometry(usual), Number.MIN_VALUE)
  const name = TACTICS.find((each) => each.kind === plan.tactic.kind)?.label ?? ''
  return (
    <dl className={clsx('min-w-60 text-sm max-md:w-full', old && 'stale')}>
      <CostBar label={isDefault ? 'Expected cost' : name} value={own} share={forGeometry(own) / most} strong />
      {!isDefault && usual !== undefined && <CostBar label="Limit" value={usual} share={forGeometry(usual) / most} />}
    </dl>
  )
}

function CostBar({
  label,
  value,
  share,
  strong = false,
}: {
  label: string
  value: string
  share: number
  strong?: boolean
}) {
  return (
    <div className="grid grid-cols-[92px_1fr_auto] items-center gap-3 py-0.5">
      <dt className="text-muted">{label}</dt>
      <dd aria-hidden className="h-1.5">
        <span
          className={clsx('block h-full rounded-[2px]', strong ? 'bg-ink' : 'bg-edge')}
          style={{ width: `${Math.max(0, Math.min(1, share)) * 100}%` }}
        />
      </dd>
      <dd className={clsx('text-right', strong && 'font-medium')}>
        <Money value={value} unit="USDT" />
      </dd>
    </div>
  )
}

/** The options of the chosen tactic; leaving a field or Enter previews anew. */
function Options({ wish, choose }: { wish: TacticWish; choose: (wish: TacticWish) => void }) {
  if (wish.kind === 'passive') {
    return (
      <div className="mt-4">
        <Option
          name="deadline_seconds"
          value={wish.deadline_seconds}
          onChange={(deadline_seconds) => choose({ ...wish, deadline_seconds })}
        />
      </div>
    )
  }
  if (wish.kind !== 'twap') return null
  return (
    <div className="mt-4 flex flex-wrap gap-4">
      <Option name="slices" value={wish.slices} onChange={(slices) => choose({ ...wish, slices })} />
      <Option name="seconds" value={wish.seconds} onChange={(seconds) => choose({ ...wish, seconds })} />
    </div>
  )
}

function Option({ name, value, onChange }: { name: OptionName; value: number; onChange: (value: number) => void }) {
  const [typed, setTyped] = useState(String(value))
  const [asked, setAsked] = useState(value)
  const [error, setError] = useState<string>()
  function settle() {
    const problem = optionProblem(name, typed)
    setError(problem)
    if (problem || Number(typed) === asked) return
    setAsked(Number(typed))
    onChange(Number(typed))
  }
  return (
    <Field
      label={OPTIONS[name].label}
      className="w-52"
      inputMode="numeric"
      autoComplete="off"
      suffix={name === 'slices' ? '' : 'seconds'}
      value={typed}
      error={error}
      onChange={(event) => {
        setTyped(event.target.value)
        setError(undefined)
      }}
      onBlur={settle}
      onKeyDown={(event) => event.key === 'Enter' && settle()}
    />
  )
}
