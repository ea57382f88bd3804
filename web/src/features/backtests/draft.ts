/** A back-test as it is being put together, and the request it becomes. */
import type { Timeframe } from '@/features/chart/data/timeframes'
import { asTimeframe } from '@/features/chart/data/timeframes'
import type { InputValue, ScriptInput, Typed } from '@/features/scripts/scriptInputs'
import { inputsHold, valuesOf } from '@/features/scripts/scriptInputs'

import type { TermProblems, TypedTerms } from './terms'
import { termProblems, termsOf, typedTerms, USUAL_TERMS } from './terms'
import type { Backtest, NewBacktest } from './types'

export type Span = 'all' | 'month' | 'quarter' | 'year' | 'three-years' | 'custom'

export interface Draft {
  kind: 'script' | 'signals'
  scriptId: string
  /** Values that begin the form of a script; its own defaults where there are none. */
  given: Record<string, InputValue>
  /** What was typed since, of this script. */
  typed: Typed | null
  datasetId: string
  series: string
  timeframe: Timeframe
  span: Span
  /** Days, as date inputs give them; of a span of one's own. */
  from: string
  to: string
  terms: TypedTerms
}

export const EMPTY_DRAFT: Draft = {
  kind: 'script',
  scriptId: '',
  given: {},
  typed: null,
  datasetId: '',
  series: '',
  timeframe: '1h',
  span: 'year',
  from: '',
  to: '',
  terms: USUAL_TERMS,
}

/** The settings of one that ran, to be changed. */
export function draftOf({ source, settings }: Backtest): Draft {
  const { since, until } = settings
  return {
    ...EMPTY_DRAFT,
    kind: source.kind,
    scriptId: source.kind === 'script' ? source.script_id : '',
    datasetId: source.kind === 'signals' ? source.dataset_id : '',
    given: settings.inputs,
    series: settings.series,
    timeframe: asTimeframe(settings.timeframe) ?? '1h',
    span: since || until ? 'custom' : 'all',
    from: since?.slice(0, 10) ?? '',
    to: until ? new Date(Date.parse(until) - 1).toISOString().slice(0, 10) : '',
    terms: typedTerms(settings),
  }
}

export type Problems = TermProblems & Partial<Record<'source' | 'series' | 'from' | 'to' | 'inputs', string>>

/** The script that is chosen, as the list of scripts tells of it. */
export interface ChosenScript {
  version: number
  inputs: ScriptInput[]
}

export function problemsOf(draft: Draft, script: ChosenScript | undefined, typed: Typed): Problems {
  const problems: Problems = termProblems(draft.terms)
  if (draft.kind === 'script' ? !script : !draft.datasetId) problems.source = 'Choose what decides.'
  if (draft.kind === 'script' && script && !inputsHold(script.inputs, typed)) problems.inputs = 'Look at the inputs.'
  if (!seriesHolds(draft.series)) problems.series = 'Choose a market, an index or own data.'
  if (draft.span === 'custom' && draft.from && draft.to && draft.from > draft.to) {
    problems.to = 'This is before the beginning.'
  }
  return problems
}

export const seriesHolds = (series: string) => /^[a-z0-9-]+:\S+$/.test(series)

const DAY_MS = 86_400_000
const DAYS: Record<'month' | 'quarter' | 'year' | 'three-years', number> = {
  month: 30,
  quarter: 91,
  year: 365,
  'three-years': 3 * 365,
}

/** The instants a span means: [since, until). `end`: the last bar there is, in milliseconds. */
export function spanOf(draft: Draft, end: number): { since: string | null; until: string | null } {
  if (draft.span === 'all') return { since: null, until: null }
  if (draft.span === 'custom') {
    return {
      since: draft.from ? `${draft.from}T00:00:00Z` : null,
      until: draft.to ? new Date(Date.parse(`${draft.to}T00:00:00Z`) + DAY_MS).toISOString() : null,
    }
  }
  const start = Math.floor((end - DAYS[draft.span] * DAY_MS) / DAY_MS) * DAY_MS
  return { since: new Date(start).toISOString(), until: null }
}

/** Only of a draft without problems. */
export function requestOf(draft: Draft, script: ChosenScript | undefined, typed: Typed, end: number): NewBacktest {
  const byScript = draft.kind === 'script' && script
  return {
    source: byScript
      ? { kind: 'script', script_id: draft.scriptId, version: script.version }
      : { kind: 'signals', dataset_id: draft.datasetId },
    inputs: byScript ? valuesOf(script.inputs, typed) : {},
    series: draft.series,
    timeframe: draft.timeframe,
    ...spanOf(draft, end),
    ...termsOf(draft.terms),
  }
}
