import type { Timeframe } from '@/features/chart/data/timeframes'
import { isMadeOf, TIMEFRAMES, timeframeWords } from '@/features/chart/data/timeframes'
import { SeriesField } from '@/features/datasets/SeriesField'
import { Choice } from '@/ui/Field'
import { ProblemNotice } from '@/ui/States'

import type { useHistory } from './useHistory'

/** What is traded, and how long one bar of it lasts. */
export function MarketFields({
  series,
  timeframe,
  found,
  problem,
  live = false,
  onSeries,
  onTimeframe,
}: {
  series: string
  timeframe: Timeframe
  found: ReturnType<typeof useHistory>
  problem: string | undefined
  /** New bars have to come. */
  live?: boolean
  onSeries: (series: string) => void
  onTimeframe: (timeframe: Timeframe) => void
}) {
  const base = found.history?.base ?? '1m'
  const possible = TIMEFRAMES.filter((each) => isMadeOf(each, base))
  const options = (possible.includes(timeframe) ? possible : [timeframe, ...possible]).map((each) => ({
    value: each,
    label: timeframeWords(each),
  }))
  return (
    <div className="space-y-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <div>
          <SeriesField
            label="Traded on"
            value={series}
            onChange={onSeries}
            {...(live ? { hint: 'A market or an index: new bars have to come.' } : {})}
          />
          {problem && (
            <p role="alert" className="mt-1.5 text-sm text-error">
              {problem}
            </p>
          )}
        </div>
        <Choice
          label="Bars of"
          value={timeframe}
          options={options}
          onChange={(event) => onTimeframe(event.target.value as Timeframe)}
        />
      </div>
      {found.error !== null && <ProblemNotice error={found.error} />}
    </div>
  )
}
