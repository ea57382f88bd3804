import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import type { Draft } from '@/features/backtests/draft'
import { problemsOf } from '@/features/backtests/draft'
import { rememberMarket } from '@/features/backtests/market'
import { MarketFields } from '@/features/backtests/MarketFields'
import { ScriptParts } from '@/features/backtests/ScriptParts'
import { ScriptField } from '@/features/backtests/SourceFields'
import { termsOf } from '@/features/backtests/terms'
import { TermsFields } from '@/features/backtests/TermsFields'
import { useDraft } from '@/features/backtests/useDraft'
import { useHistory } from '@/features/backtests/useHistory'
import { valuesOf } from '@/features/scripts/scriptInputs'
import { symbolWords } from '@/features/chart/words'
import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'
import { Section } from '@/ui/Layout'
import { ProblemNotice } from '@/ui/States'

import { Doubts } from './Doubts'
import { startStrategy } from './queries'
import { LONGEST_NAME } from './RenameStrategy'

/** Which script, on what, with how much paper money. */
export function StrategyForm({ initial }: { initial: Draft }) {
  const { draft, chosen, change, settle, key, renewKey } = useDraft({ ...initial, kind: 'script', span: 'all' }, true)
  const [named, setNamed] = useState('')
  const [asked, setAsked] = useState(false)
  const client = useQueryClient()
  const navigate = useNavigate()
  const { script, typed } = chosen
  const found = useHistory(draft.series)
  const problems = problemsOf(draft, script, typed)
  if (problems.series) problems.series = 'Choose a market or an index.'
  if (draft.series.startsWith('own:')) problems.series = 'Own data does not go on: no bar of it ever closes.'
  const shown = asked ? problems : {}
  const suggested = script ? `${script.name}${draft.series && ` · ${symbolWords(draft.series)}`}` : ''
  const name = named.trim() || suggested.slice(0, LONGEST_NAME)
  const start = useMutation({
    mutationFn: () =>
      startStrategy(
        {
          name,
          script_id: draft.scriptId,
          version: script?.version ?? 1,
          inputs: script ? valuesOf(script.inputs, typed) : {},
          series: draft.series,
          timeframe: draft.timeframe,
          ...termsOf(draft.terms),
        },
        key,
      ),
    onSuccess: (made) => {
      rememberMarket(draft)
      void client.invalidateQueries({ queryKey: ['strategies'] })
      void navigate({ to: '/strategies/$strategyId', params: { strategyId: made.id } })
    },
  })

  return (
    <form
      aria-label="Strategy"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        setAsked(true)
        settle()
        if (Object.keys(problems).length === 0 && !start.isPending) start.mutate()
      }}
    >
      <Section title="What decides" className="mt-0">
        <div className="space-y-5">
          <ScriptField
            scriptId={draft.scriptId}
            problem={shown.source}
            onChoose={(scriptId) => change({ scriptId, given: {}, typed: null })}
          />
          <ScriptParts chosen={chosen} showProblems={asked} onType={(next) => change({ typed: next })} />
          {script && <Doubts script={script} />}
        </div>
      </Section>
      <Section title="On what">
        <MarketFields
          live
          series={draft.series}
          timeframe={draft.timeframe}
          found={found}
          problem={shown.series}
          onSeries={(series) => change({ series })}
          onTimeframe={(timeframe) => change({ timeframe })}
        />
      </Section>
      <Section
        title="Paper money and costs"
        note="What is decided when a bar closes is traded, on paper, at the open of the next one."
      >
        <TermsFields terms={draft.terms} problems={shown} onChange={(terms) => change({ terms })} />
      </Section>
      <Section title="Name">
        <Field
          label="Name"
          hideLabel
          maxLength={LONGEST_NAME}
          placeholder={suggested || 'What you call it'}
          value={named}
          onChange={(event) => {
            setNamed(event.target.value)
            renewKey()
          }}
        />
      </Section>
      {start.error && <ProblemNotice error={start.error} className="mt-8" />}
      {Object.keys(shown).length > 0 && (
        <p role="alert" className="mt-8 text-error">
          Something is missing above.
        </p>
      )}
      <Button type="submit" kind="primary" size="large" className="mt-8 max-sm:w-full" busy={start.isPending}>
        Run on paper
      </Button>
    </form>
  )
}
