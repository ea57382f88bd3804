import clsx from 'clsx'
import { lazy, Suspense, useCallback, useState } from 'react'

import type { ChartEngine } from '../engine/ChartEngine'
import type { ChartSpec, IndicatorSpec } from '../engine/spec'
import { useOutputActions } from '../useOutputActions'
import { changeCell } from '../workspace'
import { ChartView } from './ChartView'

const GoToDate = lazy(() => import('./GoToDate'))
const MarksDialog = lazy(() => import('./MarksDialog'))
const IndicatorsDialog = lazy(() => import('./IndicatorsDialog'))
const SymbolSearch = lazy(() => import('./SymbolSearch'))

export type CellDialog = 'indicators' | 'compare' | 'marks' | 'date' | null

/** One chart of the workspace and the dialogs that add to it. */
export function ChartCell({
  index,
  spec,
  engine,
  active,
  alone,
  simulated,
  dialog,
  onDialog,
  onActivate,
  onEngine,
}: {
  index: number
  spec: ChartSpec
  engine: ChartEngine | null
  active: boolean
  alone: boolean
  simulated: boolean
  dialog: CellDialog
  onDialog: (dialog: CellDialog) => void
  onActivate: (index: number) => void
  onEngine: (index: number, engine: ChartEngine | null) => void
}) {
  const [editing, setEditing] = useState<IndicatorSpec | null>(null)
  const actions = useOutputActions(index, setEditing)
  const keepEngine = useCallback((engine: ChartEngine | null) => onEngine(index, engine), [index, onEngine])
  return (
    <div
      className={clsx('relative min-h-0 min-w-0', !alone && active && 'z-10 outline-2 -outline-offset-2 outline-ink')}
      onPointerDownCapture={() => onActivate(index)}
      onFocusCapture={() => onActivate(index)}
    >
      <ChartView index={index} spec={spec} simulated={simulated} actions={actions} onEngine={keepEngine} />
      <Suspense>
        {(editing || dialog === 'indicators') && (
          <IndicatorsDialog
            editing={editing}
            onAdd={actions.onAdd}
            onChange={(inputs) => editing && actions.onChangeInputs(editing.key, inputs)}
            onClose={() => {
              setEditing(null)
              onDialog(null)
            }}
          />
        )}
        {dialog === 'date' && engine && <GoToDate engine={engine} onClose={() => onDialog(null)} />}
        {dialog === 'marks' && engine && (
          <MarksDialog
            engine={engine}
            spec={spec}
            onChange={(marks) => changeCell(index, { marks })}
            onClose={() => onDialog(null)}
          />
        )}
        {dialog === 'compare' && (
          <SymbolSearch
            title="Compare with"
            initial=""
            onPick={(found) => {
              actions.onCompare(found.series)
              onDialog(null)
            }}
            onClose={() => onDialog(null)}
          />
        )}
      </Suspense>
    </div>
  )
}
