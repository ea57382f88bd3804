import type { Timeframe } from '@/features/chart/data/timeframes'
import { secondsOf } from '@/features/chart/data/timeframes'
import { utcDate } from '@/lib/times'
import { Field } from '@/ui/Field'
import { Segmented } from '@/ui/Segmented'

import type { Draft, Problems, Span } from './draft'
import { spanOf } from './draft'
import type { History } from './useHistory'
import { count } from './words'

const SPANS: { value: Span; label: string }[] = [
  { value: 'month', label: '1M' },
  { value: 'quarter', label: '3M' },
  { value: 'year', label: '1Y' },
  { value: 'three-years', label: '3Y' },
  { value: 'all', label: 'All' },
  { value: 'custom', label: 'Dates' },
]

const MOST_BARS = 2_000_000
const DAY_MS = 86_400_000

/** Which part of the history, and how much of it there is. */
export function SpanFields({
  draft,
  history,
  problems,
  onChange,
}: {
  draft: Draft
  history: History | null
  problems: Problems
  onChange: (part: Partial<Draft>) => void
}) {
  return (
    <div className="space-y-4">
      <div>
        <p className="mb-1.5 text-sm text-muted">Span</p>
        <div className="max-w-full overflow-x-auto" tabIndex={0} role="group" aria-label="Span, scrollable">
          <Segmented label="Span" value={draft.span} segments={SPANS} onChange={(span) => onChange({ span })} />
        </div>
      </div>
      {draft.span === 'custom' && (
        <div className="grid gap-4 sm:grid-cols-2">
          <Field
            label="First day (UTC)"
            type="date"
            value={draft.from}
            onChange={(event) => onChange({ from: event.target.value })}
          />
          <Field
            label="Last day (UTC)"
            type="date"
            value={draft.to}
            error={problems.to}
            onChange={(event) => onChange({ to: event.target.value })}
          />
        </div>
      )}
      {history && <p className="text-sm text-muted">{historyWords(draft, history)}</p>}
    </div>
  )
}

/** What there is, and how many bars of it are asked for. Older bars of a market are fetched, where it has them. */
export function historyWords(draft: Draft, history: History): string {
  const asked = spanOf(draft, history.last)
  const wanted = asked.since ? Date.parse(asked.since) : -Infinity
  const until = Math.min(history.last, asked.until ? Date.parse(asked.until) : Infinity)
  const here = `There are bars from ${utcDate(history.first)} to ${utcDate(history.last)}.`
  if (history.fetched && wanted < history.first) {
    return `${here} Older ones are fetched first, which may take some minutes.${tooMany(wanted, until, draft.timeframe)}`
  }
  const since = Math.max(history.first, wanted)
  if (since >= until) return `${here} None of them are in this span.`
  const early = wanted > -Infinity && wanted + DAY_MS < history.first ? ' It begins with the first of them.' : ''
  const bars = barsBetween(since, until, draft.timeframe)
  return `${here}${early} About ${count(bars)} bars.${tooMany(since, until, draft.timeframe)}`
}

function tooMany(since: number, until: number, timeframe: Timeframe): string {
  const over = since > -Infinity && barsBetween(since, until, timeframe) > MOST_BARS
  return over ? ` At most ${count(MOST_BARS)} are possible: choose a longer timeframe.` : ''
}

const barsBetween = (since: number, until: number, timeframe: Timeframe) =>
  Math.max(1, Math.round((until - since) / 1000 / secondsOf(timeframe)))
