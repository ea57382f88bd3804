import { useNavigate } from '@tanstack/react-router'
import clsx from 'clsx'
import { Bell, CalendarSearch, MapPin, NotebookPen, Rewind } from 'lucide-react'
import { lazy, Suspense, useCallback, useRef, useState } from 'react'

import { ChartNotice } from '@/features/indices/Attribution'
import { useSimulated } from '@/features/system/queries'
import { serverNow } from '@/lib/clock'
import { useStore } from '@/lib/store'
import { toast } from '@/ui/toasts'

import { alertsDialog, openAlerts } from './alerts/store'
import type { Timeframe } from './data/timeframes'
import { unmadeWords } from './data/timeframes'
import type { ChartEngine } from './engine/ChartEngine'
import { isOwn } from './engine/spec'
import { noteAt } from './note'
import { ownSeries } from './own/store'
import { useModes } from './own/useModes'
import { useOwnData, useOwnNames } from './own/useOwnData'
import type { CellDialog } from './panels/ChartCell'
import { ChartCell } from './panels/ChartCell'
import { HistoryNote } from './panels/ChartStates'
import { DrawingMenu, DrawingRail, SyncNote } from './panels/DrawingTools'
import { LayoutsButton } from './panels/LayoutsButton'
import { ModeSwitch, NothingOwn } from './panels/ModeSwitch'
import { ReplayBar } from './panels/ReplayBar'
import { LabelledTool, Toolbar, ToolSelect } from './panels/Toolbar'
import { useChartKeys } from './useChartKeys'
import { useFillHeight } from './useFillHeight'
import { useFullscreen } from './useFullscreen'
import { useSpecs } from './useSpec'
import { usePhone } from './usePhone'
import { symbolWords } from './words'
import { changeCell, setChartCount } from './workspace'

const AlertsDialog = lazy(() => import('./panels/AlertsDialog'))
const SymbolSearch = lazy(() => import('./panels/SymbolSearch'))

const COUNTS = [1, 2, 3, 4]
const GRIDS = ['', 'md:grid-cols-2', 'md:grid-cols-3', 'md:grid-cols-2 md:grid-rows-2']

/** The chart workspace: one to four charts, of which the toolbar serves the one in front. */
export default function ChartPage() {
  const own = useOwnData()
  useOwnNames(own.bars, own.signals)
  const { specs, active, goTo, activate } = useSpecs()
  const simulated = useSimulated() === true
  const frame = useRef<HTMLDivElement>(null)
  const height = useFillHeight(frame)
  const { full, toggle, leave } = useFullscreen()
  const [engines, setEngines] = useState<Record<number, ChartEngine | null>>({})
  const [search, setSearch] = useState<string | null>(null)
  const [dialog, setDialog] = useState<CellDialog>(null)
  const alerts = useStore(alertsDialog)
  const navigate = useNavigate()

  const keepEngine = useCallback(
    (index: number, engine: ChartEngine | null) => setEngines((before) => ({ ...before, [index]: engine })),
    [],
  )
  const phone = usePhone()
  const engine = engines[active] ?? null
  const spec = specs[active]
  const base = useStore(ownSeries).get(spec?.series ?? '')?.base
  const { mode, empty, switchTo } = useModes(active, spec, own.bars, goTo)

  function chooseTimeframe(timeframe: Timeframe) {
    if (!spec) return
    const unmade = unmadeWords(timeframe, base)
    if (unmade) toast(`${unmade}.`)
    else if (timeframe === spec.timeframe) engine?.opener.chooseTimeframe(timeframe)
    else goTo({ series: spec.series, timeframe })
  }

  /** From two thirds of the screen on. */
  function replay() {
    if (!engine) return
    if (engine.replay.state.get().active) engine.replay.leave()
    else engine.replay.start(engine.viewport.first() + Math.floor(engine.viewport.bars() * 0.6))
  }

  async function exportImage() {
    if (!engine || !spec) return
    const { drawImage, imageName, saveImage } = await import('./engine/exportImage')
    const series = [engine.feed.state.get().series, ...spec.compare]
    const made = { simulated: simulated && series.some((each) => !isOwn(each)), now: serverNow() / 1000 }
    saveImage(drawImage(engine, spec, made), imageName(engine))
  }

  function writeNote() {
    if (spec) void navigate(noteAt(engine, spec.series))
  }

  useChartKeys({
    onTimeframe: chooseTimeframe,
    onFullscreen: toggle,
    onSearch: (typed) => setSearch((before) => (before ?? '') + typed),
    onEscape: () => !engine?.drawings.putDown() && leave(),
    onAlert: () => openAlerts(engine?.alerts.lastPrice() ?? ''),
    onNote: writeNote,
    onNewest: () => engine?.opener.toNewest(),
    onDate: () => !empty && setDialog('date'),
    onUndo: () => engine?.drawings.store.undo(),
    onRedo: () => engine?.drawings.store.redo(),
  })

  if (!spec) return null
  const symbol = symbolWords(spec.series)
  return (
    <div
      ref={frame}
      style={full ? undefined : { height }}
      className={clsx(
        'flex flex-col overflow-hidden bg-canvas',
        full ? 'fixed inset-0 z-40' : '-mx-4 -mt-6 -mb-28 md:-mx-10 md:-mt-10 md:-mb-20',
      )}
    >
      <h1 className="sr-only">Chart of {symbol}</h1>
      <Toolbar
        spec={spec}
        symbol={symbol}
        base={base}
        bare={empty}
        before={<ModeSwitch mode={mode} onSwitch={switchTo} />}
        full={full}
        onSearch={() => setSearch('')}
        onTimeframe={chooseTimeframe}
        onChange={(change) => changeCell(active, change)}
        onIndicators={() => setDialog('indicators')}
        onCompare={() => setDialog('compare')}
        onFullscreen={toggle}
        onImage={() => exportImage().catch(() => toast('The picture could not be made. Try again.'))}
      >
        {engine && phone && <DrawingMenu engine={engine} />}
        <LabelledTool
          icon={Bell}
          label="Alerts"
          title="Alerts (Alt A)"
          onClick={() => openAlerts(engine?.alerts.lastPrice() ?? '')}
        />
        <LabelledTool icon={MapPin} label="Marks" onClick={() => setDialog('marks')} />
        <LabelledTool icon={NotebookPen} label="Note" title="Write a note (Alt N)" onClick={writeNote} />
        <LabelledTool
          icon={CalendarSearch}
          label="Go to date"
          onClick={() => setDialog('date')}
          title="Go to date (Alt G)"
        />
        <LabelledTool icon={Rewind} label="Replay" onClick={replay} />
        <LayoutsButton />
        <ToolSelect
          label="Layout"
          value={String(specs.length)}
          options={COUNTS.map((count) => [String(count), count === 1 ? '1 chart' : `${count} charts`])}
          onPick={(value) => setChartCount(Number(value))}
        />
        {phone && specs.length > 1 && (
          <ToolSelect
            label="Chart shown"
            value={String(active)}
            options={specs.map((each, index) => [String(index), `${index + 1}: ${symbolWords(each.series)}`])}
            onPick={(value) => activate(Number(value))}
          />
        )}
      </Toolbar>
      {empty && (
        <div className="flex min-h-0 flex-1">
          <NothingOwn own={own} />
        </div>
      )}
      <div className={clsx('flex min-h-0 flex-1', empty && 'hidden')}>
        {engine && !phone && <DrawingRail engine={engine} />}
        <div
          className={clsx(
            'grid min-h-0 min-w-0 flex-1 auto-rows-fr gap-px bg-hairline',
            !phone && GRIDS[specs.length - 1],
          )}
        >
          {specs.map((each, index) =>
            phone && index !== active ? null : (
              <ChartCell
                key={index}
                index={index}
                spec={each}
                engine={engines[index] ?? null}
                active={index === active}
                alone={phone || specs.length === 1}
                simulated={simulated}
                dialog={index === active ? dialog : null}
                onDialog={setDialog}
                onActivate={activate}
                onEngine={keepEngine}
              />
            ),
          )}
        </div>
      </div>
      {engine && <ReplayBar engine={engine} />}
      <footer className="flex min-h-8 shrink-0 flex-wrap items-center gap-x-4 border-t border-hairline px-3 py-1 text-xs text-muted">
        <ChartNotice />
        <span>Times in UTC</span>
        {engine && !empty && <HistoryNote engine={engine} />}
        <SyncNote />
      </footer>
      <Suspense>
        {alerts && <AlertsDialog series={spec.series} price={alerts.price} onClose={() => alertsDialog.set(null)} />}
        {search !== null && (
          <SymbolSearch
            title={mode === 'custom' ? 'Find in your data and the markets' : 'Find a market'}
            initial={search}
            first={mode === 'custom' ? 'own' : ''}
            onPick={(found) => {
              setSearch(null)
              goTo({ series: found.series, timeframe: spec.timeframe })
            }}
            onClose={() => setSearch(null)}
          />
        )}
      </Suspense>
    </div>
  )
}
