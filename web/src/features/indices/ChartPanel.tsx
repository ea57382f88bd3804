import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useMemo, useState } from 'react'

import { useSimulated } from '@/features/system/queries'
import { level as levelText } from '@/lib/numbers'
import { absolute } from '@/lib/times'
import { Segmented } from '@/ui/Segmented'
import { ProblemNotice, Skeleton } from '@/ui/States'

import { ChartNotice } from './Attribution'
import type { HistoryRange, IndexDetail } from './queries'
import { historyQuery } from './queries'

const LevelChart = lazy(() => import('./LevelChart'))

const RANGES: HistoryRange[] = ['1D', '1W', '1M', '3M', '1Y']

/** The level's history with its range buttons, a sentence and a table for who cannot see it. */
export function ChartPanel({ index }: { index: IndexDetail }) {
  const [range, setRange] = useState<HistoryRange>('1D')
  const history = useQuery(historyQuery(index.id, range))
  const simulated = useSimulated() === true
  const points = useMemo(() => history.data?.points ?? [], [history.data])
  const { level, as_of: asOf } = index
  const live = useMemo(() => (level !== null && asOf ? { at: asOf, level } : null), [level, asOf])
  return (
    <div>
      <div className="h-[300px] md:h-[380px]">
        {history.error && !history.data && <ProblemNotice error={history.error} retry={() => void history.refetch()} />}
        {history.isPending && <Skeleton className="h-full" label="Loading the history" />}
        {history.data && points.length < 2 && (
          <p className="grid h-full place-items-center text-muted">
            {history.data.note || 'There is no history for this range yet. It grows as levels arrive.'}
          </p>
        )}
        {points.length >= 2 && (
          <Suspense fallback={<Skeleton className="h-full" />}>
            <LevelChart
              points={points}
              unit={index.unit}
              label={`Chart of ${index.symbol}, ${range}`}
              watermark={simulated}
              live={live}
            />
          </Suspense>
        )}
      </div>
      <div className="mt-4 flex flex-wrap items-center justify-between gap-3">
        <Segmented
          label="Range"
          value={range}
          segments={RANGES.map((each) => ({ value: each, label: each }))}
          onChange={setRange}
        />
        <ChartNotice />
      </div>
      {history.data?.note && points.length >= 2 && <p className="mt-2 text-xs text-muted">{history.data.note}</p>}
      {points.length >= 2 && <SpokenChart index={index} points={points} />}
    </div>
  )
}

const TABLE_ROWS = 24

function SpokenChart({ index, points }: { index: IndexDetail; points: { at: string; level: number }[] }) {
  const levels = points.map((point) => point.level)
  const say = (value: number | undefined) => (value === undefined ? '' : levelText(value, index.unit))
  const every = Math.ceil(points.length / TABLE_ROWS)
  return (
    <div className="sr-only">
      <p>
        From {say(levels[0])} to {say(levels.at(-1))}; lowest {say(Math.min(...levels))}, highest{' '}
        {say(Math.max(...levels))}.
      </p>
      <table>
        <caption>History of {index.symbol}</caption>
        <tbody>
          {points
            .filter((_, position) => position % every === 0)
            .map((point) => (
              <tr key={point.at}>
                <th scope="row">{absolute(point.at)}</th>
                <td>{say(point.level)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  )
}
