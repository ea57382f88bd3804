import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'

import { useFillHeight } from '@/features/chart/useFillHeight'
import { usePhone } from '@/features/chart/usePhone'
import { ProblemNotice, Skeleton } from '@/ui/States'
import { Segmented } from '@/ui/Segmented'

import { ConflictDialog } from './ConflictDialog'
import { KeptNotice } from './KeptNotice'
import { LeaveGuard } from './LeaveGuard'
import { referenceQuery } from './queries'
import { ResultPanel } from './ResultPanel'
import type { ScriptView } from './types'
import { usePlace } from './usePlace'
import { useWorkbench } from './useWorkbench'
import { VersionsPanel } from './VersionsPanel'
import { FindButton, WorkbenchBar } from './WorkbenchBar'

const CodeEditor = lazy(() => import('./editor/CodeEditor'))

type Side = 'code' | 'result' | 'versions'

/** The text on one side, what becomes of it on the other; one at a time on a phone. */
export function Workbench(props: {
  kept: ScriptView | null
  draftId: string
  name: string
  source: string
  onCreated: (script: ScriptView) => void
}) {
  const work = useWorkbench(props)
  const { base, draft, change, canSave, check, save, fault } = work
  const { place, setPlace } = usePlace()
  const names = useQuery(referenceQuery).data
  const phone = usePhone()
  const frame = useRef<HTMLDivElement>(null)
  const [find, setFind] = useState<(() => void) | null>(null)
  const height = useFillHeight(frame)
  const [side, setSide] = useState<Side>('code')
  const shown = phone || side !== 'code' ? side : 'result'

  function tryIt() {
    setSide('result')
    if (!check.isPending) check.mutate({ source: draft.source, place })
  }
  const keep = () => canSave && work.keep()
  const begun = useRef(base !== null)
  useEffect(() => {
    if (begun.current) return
    begun.current = true
    check.mutate({ source: draft.source, place })
  })
  useShortcuts({ s: keep, enter: tryIt })
  useEffect(() => {
    document.title = `${draft.name || 'Script'} · Holdfast`
  }, [draft.name])

  const editor = (
    <Suspense fallback={<Skeleton className="m-4 h-40" label="Loading the editor" />}>
      <CodeEditor
        label="Script"
        value={draft.source}
        onChange={(source) => change({ source })}
        fault={fault}
        onReady={(open) => setFind(() => open)}
        {...(names ? { names } : {})}
      />
    </Suspense>
  )
  return (
    <div
      ref={frame}
      style={{ height }}
      className="-mx-4 -mt-6 -mb-28 flex flex-col bg-canvas md:-mx-10 md:-mt-10 md:-mb-20"
    >
      <h1 className="sr-only">{base ? draft.name : 'New script'}</h1>
      <WorkbenchBar work={work} onFind={find} onCheck={tryIt} onSave={keep} />
      <KeptNotice work={work} />
      {save.error && !work.theirs && <ProblemNotice error={save.error} className="m-3" />}
      {phone && (
        <Sides sides={['code', 'result', 'versions']} side={shown} onSide={setSide}>
          {shown === 'code' && <FindButton onFind={find} />}
        </Sides>
      )}
      <div className="flex min-h-0 flex-1">
        <div className={phone && shown !== 'code' ? 'hidden' : 'min-w-0 flex-1'}>{editor}</div>
        {(!phone || shown !== 'code') && (
          <section
            aria-label="Result"
            className="flex min-w-0 flex-col overflow-y-auto md:w-[46%] md:max-w-[760px] md:border-l md:border-hairline"
          >
            {!phone && <Sides sides={['result', 'versions']} side={shown} onSide={setSide} />}
            {shown === 'versions' ? (
              <VersionsPanel work={work} onRestored={() => setSide('code')} />
            ) : (
              <ResultPanel work={work} place={place} onPlace={setPlace} />
            )}
          </section>
        )}
      </div>
      <ConflictDialog work={work} />
      <LeaveGuard work={work} />
    </div>
  )
}

const SIDE_WORDS: Record<Side, string> = { code: 'Script', result: 'Result', versions: 'Versions' }

function Sides({
  sides,
  side,
  onSide,
  children,
}: {
  sides: Side[]
  side: Side
  onSide: (side: Side) => void
  children?: ReactNode
}) {
  return (
    <div className="flex items-center gap-1 px-3 pt-3">
      <div className="min-w-0 flex-1">
        <Segmented
          label="What is shown"
          wide
          value={side}
          segments={sides.map((value) => ({ value, label: SIDE_WORDS[value] }))}
          onChange={onSide}
        />
      </div>
      {children}
    </div>
  )
}

/** With Ctrl or Cmd, wherever on the page the focus is. */
function useShortcuts(actions: Record<string, () => unknown>) {
  const latest = useRef(actions)
  useEffect(() => {
    latest.current = actions
  })
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      const action = event.metaKey || event.ctrlKey ? latest.current[event.key.toLowerCase()] : undefined
      if (!action || event.defaultPrevented) return
      event.preventDefault()
      action()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}
