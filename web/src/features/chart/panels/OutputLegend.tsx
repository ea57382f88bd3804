import clsx from 'clsx'
import { Link } from '@tanstack/react-router'
import { Code, Eye, EyeOff, Settings2, X } from 'lucide-react'
import type { ReactNode } from 'react'
import { useState } from 'react'

import { useStore } from '@/lib/store'

import { isFinal } from '../data/again'
import { splitSeries } from '../data/series'
import type { ChartEngine } from '../engine/ChartEngine'
import type { CompareView } from '../engine/CompareView'
import type { IndicatorView } from '../engine/IndicatorView'
import { FORMING_WORDS, goneOf, inputsOf, valuesOf } from '../engine/legend'
import { compareColour } from '../engine/OutputLayer'
import { ownSeries } from '../own/store'
import { useReadBar } from '../useReadBar'
import { sourceWords, symbolWords } from '../words'
import { ScriptTrouble } from './ScriptTrouble'

export interface OutputActions {
  onHide: (key: string) => void
  onEdit: (key: string) => void
  onRemove: (key: string) => void
  onUncompare: (series: string) => void
}

/** One line for each indicator over the price, with the values at the bar that is read. No actions: it is only read. */
export function OverlayLegend({ engine, actions }: { engine: ChartEngine; actions: OutputActions | null }) {
  const views = useStore(engine.outputs.indicators)
  const compared = useStore(engine.outputs.compared)
  return (
    <ul className="mt-0.5">
      {compared.map((view, index) => (
        <CompareLine key={view.series} engine={engine} view={view} index={index} actions={actions} />
      ))}
      {views
        .filter((view) => !view.pane)
        .map((view) => (
          <li key={view.spec.key}>
            <IndicatorLine engine={engine} view={view} actions={actions} />
          </li>
        ))}
    </ul>
  )
}

export function IndicatorLine({
  engine,
  view,
  actions,
}: {
  engine: ChartEngine
  view: IndicatorView
  actions: OutputActions | null
}) {
  const index = useReadBar(engine)
  const error = useStore(view.feed.error)
  const { decimals } = useStore(engine.feed.state)
  const values = valuesOf(view, index, decimals, engine.colours)
  const { key, hidden } = view.spec
  const { name, script } = view.indicator
  return (
    <LegendLine
      name={name}
      detail={inputsOf(view)}
      dim={hidden}
      buttons={
        actions && (
          <>
            <LegendButton label={`${hidden ? 'Show' : 'Hide'} ${name}`} onClick={() => actions.onHide(key)}>
              {hidden ? <EyeOff className="size-3.5" /> : <Eye className="size-3.5" />}
            </LegendButton>
            {script?.id && (
              <Link
                to="/scripts/$scriptId"
                params={{ scriptId: script.id }}
                aria-label={`Edit the script ${name}`}
                title={`Edit the script ${name}`}
                className={BUTTON}
              >
                <Code className="size-3.5" />
              </Link>
            )}
            {view.indicator.inputs.length > 0 && (
              <LegendButton label={`Settings of ${name}`} onClick={() => actions.onEdit(key)}>
                <Settings2 className="size-3.5" />
              </LegendButton>
            )}
            <LegendButton label={`Remove ${name}`} onClick={() => actions.onRemove(key)}>
              <X className="size-3.5" />
            </LegendButton>
          </>
        )
      }
    >
      {script && <ScriptTrouble error={error} />}
      {error !== null && !(script && isFinal(error)) && (
        <TryAgain what={values.length > 0 ? 'new values' : 'values'} onClick={() => view.feed.retry()} />
      )}
      {values.map(({ id, label, text, colour }) => (
        <span key={id} title={label} style={{ color: colour }}>
          {text}
        </span>
      ))}
      {values.length > 0 && index === engine.feed.forming && (
        <span className="text-muted max-sm:sr-only">{FORMING_WORDS}</span>
      )}
    </LegendLine>
  )
}

function CompareLine({
  engine,
  view,
  index,
  actions,
}: {
  engine: ChartEngine
  view: CompareView
  index: number
  actions: OutputActions | null
}) {
  const gone = goneOf(view, engine, useReadBar(engine))
  const error = useStore(view.feed.error)
  useStore(ownSeries)
  const [source] = splitSeries(view.series)
  const symbol = symbolWords(view.series)
  return (
    <li>
      <LegendLine
        name={symbol}
        detail={sourceWords(source)}
        buttons={
          actions && (
            <LegendButton label={`Remove ${symbol}`} onClick={() => actions.onUncompare(view.series)}>
              <X className="size-3.5" />
            </LegendButton>
          )
        }
      >
        {error !== null && <TryAgain what={gone ? 'new bars' : 'bars'} onClick={() => view.feed.retry()} />}
        {gone && <span style={{ color: compareColour(engine.colours, index) }}>{gone}</span>}
      </LegendLine>
    </li>
  )
}

/** It is tried again by itself, too: this is for whoever does not want to wait. */
function TryAgain({ what, onClick }: { what: string; onClick: () => void }) {
  return (
    <button type="button" className="pointer-events-auto text-error underline" onClick={onClick}>
      No {what}; try again
    </button>
  )
}

/** Buttons appear under a pointer or the focus; a finger taps the name for them. */
function LegendLine({
  name,
  detail,
  dim = false,
  buttons,
  children,
}: {
  name: string
  detail: string
  dim?: boolean
  buttons: ReactNode
  children: ReactNode
}) {
  const [open, setOpen] = useState(false)
  return (
    <div
      className={clsx(
        'group tnum flex w-fit flex-wrap items-center gap-x-2 rounded-[5px] text-sm',
        'bg-[color-mix(in_srgb,var(--canvas)_70%,transparent)]',
        dim && 'opacity-60',
      )}
    >
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="pointer-events-auto min-h-6 text-left font-medium"
      >
        {name} <span className="font-normal text-muted">{detail}</span>
      </button>
      {children}
      <span
        className={clsx(
          'pointer-events-auto flex',
          !open && 'opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 [@media(hover:none)]:hidden',
        )}
      >
        {buttons}
      </span>
    </div>
  )
}

const BUTTON = 'grid size-6 place-items-center rounded-[5px] text-muted hover:bg-hover hover:text-ink max-md:size-11'

function LegendButton({ label, onClick, children }: { label: string; onClick: () => void; children: ReactNode }) {
  return (
    <button type="button" aria-label={label} title={label} onClick={onClick} className={BUTTON}>
      {children}
    </button>
  )
}
