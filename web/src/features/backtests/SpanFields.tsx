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

/** What there is, and how many bars of it are asked for. */
export function historyWords(draft: Draft, history: History): string {
  const there = `There are bars from ${utcDate(history.first)} to ${utcDate(history.last)}.`
  const growing = history.growing ? ' Older ones are still being fetched.' : ''
  const asked = spanOf(draft, history.last)
  const since = Math.max(history.first, asked.since ? Date.parse(asked.since) : -Infinity)
  const until = Math.min(history.last, asked.until ? Date.parse(asked.until) : Infinity)
  if (since >= until) return `${there}${growing} None of them are in this span.`
  const bars = barsBetween(since, until, draft.timeframe)
  const many = bars > MOST_BARS ? ` At most ${count(MOST_BARS)} are possible: choose a longer timeframe.` : ''
  const early =
    asked.since && Date.parse(asked.since) + DAY_MS < history.first ? ' It begins with the first of them.' : ''
  return `${there}${growing}${early} About ${count(bars)} bars.${many}`
}

const barsBetween = (since: number, until: number, timeframe: Timeframe) =>
  Math.max(1, Math.round((until - since) / 1000 / secondsOf(timeframe)))
