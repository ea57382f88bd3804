import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

import { useStore } from '@/lib/store'
import { Dialog } from '@/ui/Dialog'
import { ProblemNotice } from '@/ui/States'

import type { ChartEngine } from '../engine/ChartEngine'
import type { ChartSpec, MarkChoice } from '../engine/spec'
import { isOwn } from '../engine/spec'
import { useOwnData } from '../own/useOwnData'
import { symbolWords } from '../words'

/** Which marks are drawn on a chart; kept with the layout. */
export default function MarksDialog({
  engine,
  spec,
  onChange,
  onClose,
}: {
  engine: ChartEngine
  spec: ChartSpec
  onChange: (marks: MarkChoice) => void
  onClose: () => void
}) {
  const { marks, series } = spec
  const { signedIn, signals, error, retry } = useOwnData()
  const full = useStore(engine.marks.full)
  const here = signals.filter((each) => each.series === series)
  const set = (change: Partial<MarkChoice>) => onChange({ ...marks, ...change })

  function showSet(id: string, show: boolean) {
    const others = marks.hidden_signals.filter((each) => each !== id)
    set({ hidden_signals: show ? others : [...others, id] })
  }

  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Marks"
      description={`What is marked on the chart of ${symbolWords(series)}.`}
    >
      <fieldset>
        <legend className="sr-only">Marks</legend>
        {!isOwn(series) && (
          <Choice checked={marks.news} onChange={(news) => set({ news })} name="News">
            When each story became known, in the colour of its mood
          </Choice>
        )}
        {signedIn && !isOwn(series) && (
          <Choice checked={marks.fills} onChange={(fills) => set({ fills })} name="Your trades">
            Fills and open orders, on the market they were made at
          </Choice>
        )}
        {signedIn && (
          <Choice checked={marks.journal} onChange={(journal) => set({ journal })} name="Journal">
            Your entries, when they happened
          </Choice>
        )}
        {here.map((each) => (
          <Choice
            key={each.id}
            name={each.name}
            checked={!marks.hidden_signals.includes(each.id)}
            onChange={(show) => showSet(each.id, show)}
          >
            Your signals
          </Choice>
        ))}
      </fieldset>
      {error && <ProblemNotice error={error} retry={retry} className="mt-4" />}
      {full.length > 0 && (
        <p role="status" className="mt-4 text-sm text-muted">
          There are more marks in this time than are drawn. Zoom in to see all.
        </p>
      )}
      <p className="mt-4 text-sm text-muted">
        <Link to="/data" className="underline underline-offset-2">
          Add signals of your own
        </Link>{' '}
        to any market or to your own bars.
      </p>
    </Dialog>
  )
}

function Choice({
  name,
  checked,
  onChange,
  children,
}: {
  name: string
  checked: boolean
  onChange: (checked: boolean) => void
  children: ReactNode
}) {
  return (
    <label className="flex min-h-11 cursor-pointer items-start gap-3 py-2">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
        aria-label={name}
        className="mt-1 size-4 shrink-0 accent-ink"
      />
      <span className="min-w-0">
        <span className="block font-medium break-words">{name}</span>
        <span className="block text-sm text-muted">{children}</span>
      </span>
    </label>
  )
}
