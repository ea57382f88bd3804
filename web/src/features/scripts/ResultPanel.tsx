import { lazy, Suspense, useState } from 'react'

import { splitSeries } from '@/features/chart/data/series'
import { asTimeframe, madeOf, TIMEFRAMES, timeframeWords, unmadeWords } from '@/features/chart/data/timeframes'
import { ownSeries } from '@/features/chart/own/store'
import { useOwnData, useOwnNames } from '@/features/chart/own/useOwnData'
import { sourceWords, symbolWords } from '@/features/chart/words'
import { ChartNotice } from '@/features/indices/Attribution'
import { useStore } from '@/lib/store'
import { Button } from '@/ui/Button'
import { ProblemNotice, Skeleton } from '@/ui/States'

import { Told } from './Told'
import { TrialInputs } from './TrialInputs'
import type { Place, Workbench } from './useWorkbench'

const PreviewChart = lazy(() => import('./PreviewChart'))
const SymbolSearch = lazy(() => import('@/features/chart/panels/SymbolSearch'))

/** What the text makes of the bars of one series. */
export function ResultPanel({
  work,
  place,
  onPlace,
}: {
  work: Workbench
  place: Place
  onPlace: (place: Place) => void
}) {
  const { check, draft, trial, inputs, setInputs, setPreviewFault } = work
  const own = useOwnData()
  useOwnNames(own.bars, own.signals)
  const changed = draft.source !== trial.source
  return (
    <div className="pb-6">
      <PlaceBar place={place} onPlace={onPlace} />
      <Suspense fallback={<Skeleton className="h-[340px] max-md:h-[300px]" label="Loading the chart" />}>
        <PreviewChart trial={work.isBroken ? null : trial} place={place} onFault={setPreviewFault} />
      </Suspense>
      <div className="space-y-5 px-4 pt-4">
        {changed && !check.isPending && (
          <p role="status" className="text-sm text-muted">
            The text has changed since it was tried. Check it to see what it does now.
          </p>
        )}
        {check.error && (
          <ProblemNotice error={check.error} retry={() => check.mutate({ source: draft.source, place })} />
        )}
        <Told work={work} />
        {inputs.length > 0 && (
          <TrialInputs key={JSON.stringify(inputs)} inputs={inputs} values={trial.inputs} onChange={setInputs} />
        )}
        <ChartNotice />
      </div>
    </div>
  )
}

/** The series and the timeframe that the script is tried on. */
function PlaceBar({ place, onPlace }: { place: Place; onPlace: (place: Place) => void }) {
  const [searching, setSearching] = useState(false)
  const base = useStore(ownSeries).get(place.series)?.base
  const [source] = splitSeries(place.series)
  return (
    <div className="flex flex-wrap items-center gap-2 px-3 py-3">
      <Button size="small" onClick={() => setSearching(true)} title="Try it on another market or your own data">
        <span className="max-w-44 truncate">{symbolWords(place.series)}</span>
        <span className="font-normal text-muted">{sourceWords(source)}</span>
      </Button>
      <select
        aria-label="Timeframe"
        value={place.timeframe}
        onChange={(event) => onPlace({ ...place, timeframe: asTimeframe(event.target.value) ?? place.timeframe })}
        className="h-8 rounded-control border border-hairline bg-canvas px-2 text-sm max-md:h-11"
      >
        {TIMEFRAMES.map((each) => (
          <option key={each} value={each} disabled={unmadeWords(each, base) !== ''}>
            {timeframeWords(each)}
          </option>
        ))}
      </select>
      <Suspense>
        {searching && (
          <SymbolSearch
            title="Try the script on"
            initial=""
            onPick={({ series }) => {
              setSearching(false)
              const made = ownSeries.get().get(series)?.base
              const timeframe = made ? madeOf(place.timeframe, made) : place.timeframe
              onPlace({ series, timeframe })
            }}
            onClose={() => setSearching(false)}
          />
        )}
      </Suspense>
    </div>
  )
}
