import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { madeOf } from '@/features/chart/data/timeframes'
import { Button } from '@/ui/Button'
import { Section } from '@/ui/Layout'
import { Segmented } from '@/ui/Segmented'
import { ProblemNotice } from '@/ui/States'

import type { Draft } from './draft'
import { problemsOf, requestOf } from './draft'
import { rememberMarket } from './market'
import { MarketFields } from './MarketFields'
import { startBacktest } from './queries'
import { ScriptParts } from './ScriptParts'
import { ScriptField, SignalsField } from './SourceFields'
import { SpanFields } from './SpanFields'
import { TermsFields } from './TermsFields'
import { useDraft } from './useDraft'
import { useHistory } from './useHistory'

const KINDS = [
  { value: 'script', label: 'A script' },
  { value: 'signals', label: 'Own signals' },
] as const

/** What decides, on what, when, and at what cost. */
export function BacktestForm({ initial }: { initial: Draft }) {
  const { draft, chosen, change, settle, key } = useDraft(initial)
  const [asked, setAsked] = useState(false)
  const client = useQueryClient()
  const navigate = useNavigate()
  const found = useHistory(draft.series)
  const problems = problemsOf(draft, chosen.script, chosen.typed)
  const shown = asked ? problems : {}
  const send = useMutation({
    mutationFn: () =>
      startBacktest(requestOf(draft, chosen.script, chosen.typed, found.history?.last ?? Date.now()), key),
    onSuccess: (made) => {
      rememberMarket(draft)
      void client.invalidateQueries({ queryKey: ['backtests'] })
      void navigate({ to: '/backtests/$backtestId', params: { backtestId: made.id } })
    },
  })
  // Own data has bars of one length: a timeframe they do not make is none.
  const base = found.history?.base
  const timeframe = base ? madeOf(draft.timeframe, base) : draft.timeframe
  if (timeframe !== draft.timeframe) change({ timeframe })

  return (
    <form
      aria-label="Back-test"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        setAsked(true)
        settle()
        if (Object.keys(problems).length === 0 && !send.isPending) send.mutate()
      }}
    >
      <Section title="What decides" className="mt-0">
        <div className="space-y-5">
          <Segmented
            label="What decides"
            value={draft.kind}
            segments={[...KINDS]}
            onChange={(kind) => change({ kind })}
          />
          {draft.kind === 'script' ? (
            <>
              <ScriptField
                scriptId={draft.scriptId}
                problem={shown.source}
                onChoose={(scriptId) => change({ scriptId, given: {}, typed: null })}
              />
              <ScriptParts chosen={chosen} showProblems={asked} onType={(typed) => change({ typed })} />
            </>
          ) : (
            <SignalsField
              datasetId={draft.datasetId}
              problem={shown.source}
              onChoose={(datasetId, series) => change({ datasetId, ...(series ? { series } : {}) })}
            />
          )}
        </div>
      </Section>
      <Section title="On what and when">
        <div className="space-y-5">
          <MarketFields
            series={draft.series}
            timeframe={draft.timeframe}
            found={found}
            problem={shown.series}
            onSeries={(series) => change({ series })}
            onTimeframe={(next) => change({ timeframe: next })}
          />
          <SpanFields draft={draft} history={found.history} problems={shown} onChange={change} />
        </div>
      </Section>
      <Section title="Money and costs" note="What is decided when a bar closes is traded at the open of the next one.">
        <TermsFields terms={draft.terms} problems={shown} onChange={(terms) => change({ terms })} />
      </Section>
      {send.error && <ProblemNotice error={send.error} className="mt-8" />}
      {Object.keys(shown).length > 0 && (
        <p role="alert" className="mt-8 text-error">
          Something is missing above.
        </p>
      )}
      <Button type="submit" kind="primary" size="large" className="mt-8 max-sm:w-full" busy={send.isPending}>
        Run back-test
      </Button>
    </form>
  )
}
