import {
  ArrowUpRight,
  Minus,
  MousePointer2,
  Redo2,
  Ruler,
  Slash,
  Square,
  Tally4,
  Trash2,
  Type,
  Undo2,
} from 'lucide-react'

import { useStore } from '@/lib/store'

import type { Tool } from '../drawings/model'
import { TOOL_WORDS, TOOLS } from '../drawings/model'
import { drawingSync } from '../drawings/sync'
import type { ChartEngine } from '../engine/ChartEngine'
import { SelectionToolbar } from './SelectionToolbar'
import { ToolButton, ToolSelect } from './Toolbar'

const ICONS: Record<Tool, typeof Slash> = {
  trend: Slash,
  ray: ArrowUpRight,
  horizontal: Minus,
  rectangle: Square,
  fibonacci: Tally4,
  text: Type,
  measure: Ruler,
}

/** What can be done with all drawings together. */
function useSteps({ drawings: { store } }: ChartEngine) {
  const { undo, redo } = useStore(store.steps)
  const { length } = useStore(store.drawings)
  return [
    { label: 'Undo', Icon: Undo2, left: undo, act: () => store.undo() },
    { label: 'Redo', Icon: Redo2, left: redo, act: () => store.redo() },
    { label: 'Delete all drawings', Icon: Trash2, left: length, act: () => store.removeAll() },
  ]
}

/** The tools beside the chart. Enter on the chart places a chosen one without a pointer. */
export function DrawingRail({ engine }: { engine: ChartEngine }) {
  const tool = useStore(engine.drawings.tool)
  const steps = useSteps(engine)
  return (
    <div
      role="toolbar"
      aria-label="Drawing"
      aria-orientation="vertical"
      className="flex w-11 shrink-0 flex-col items-center gap-0.5 overflow-y-auto border-r border-hairline py-2"
    >
      <RailButton label="Select" pressed={tool === null} onClick={() => engine.drawings.choose(null)}>
        <MousePointer2 aria-hidden className="size-4" />
      </RailButton>
      {TOOLS.map((each) => {
        const Icon = ICONS[each]
        return (
          <RailButton
            key={each}
            label={TOOL_WORDS[each]}
            pressed={tool === each}
            onClick={() => engine.drawings.choose(tool === each ? null : each)}
          >
            <Icon aria-hidden className="size-4" />
          </RailButton>
        )
      })}
      <span aria-hidden className="my-1 h-px w-6 bg-hairline" />
      {steps.map(({ label, Icon, left, act }) => (
        <RailButton key={label} label={label} disabled={left === 0} onClick={act}>
          <Icon aria-hidden className="size-4" />
        </RailButton>
      ))}
    </div>
  )
}

/** The tools on a phone; what is done with all drawings takes no room before there is anything to do. */
export function DrawingMenu({ engine }: { engine: ChartEngine }) {
  const tool = useStore(engine.drawings.tool)
  const steps = useSteps(engine)
  return (
    <>
      <ToolSelect
        label="Draw"
        value={tool ?? ''}
        options={[['', 'Draw'], ...TOOLS.map((each): [string, string] => [each, TOOL_WORDS[each]])]}
        onPick={(value) => engine.drawings.choose(TOOLS.find((each) => each === value) ?? null)}
      />
      {steps.some(({ left }) => left > 0) &&
        steps.map(({ label, Icon, left, act }) => (
          <ToolButton key={label} aria-label={label} title={label} disabled={left === 0} onClick={act}>
            <Icon aria-hidden className="size-4 text-muted" />
          </ToolButton>
        ))}
    </>
  )
}

function RailButton({
  label,
  pressed,
  disabled = false,
  onClick,
  children,
}: {
  label: string
  pressed?: boolean
  disabled?: boolean
  onClick: () => void
  children: React.ReactNode
}) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
      className="grid size-8 shrink-0 place-items-center rounded-control hover:bg-hover disabled:opacity-30 aria-pressed:bg-ink aria-pressed:text-on-ink"
    >
      {children}
    </button>
  )
}

/** Colour, words and the end of the selected drawing. */
export function SelectionBar({ engine }: { engine: ChartEngine }) {
  const { store } = engine.drawings
  const selected = useStore(store.selected)
  const drawing = useStore(store.drawings).find((each) => each.id === selected)
  if (!drawing) return null
  return (
    <SelectionToolbar label={TOOL_WORDS[drawing.tool]}>
      {drawing.tool === 'text' && (
        <input
          aria-label="Text of the drawing"
          key={drawing.id}
          defaultValue={drawing.text}
          maxLength={80}
          onBlur={(event) => store.change(drawing.id, { text: event.target.value || 'Text' })}
          onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
          className="h-8 w-36 rounded-control border border-edge bg-canvas px-2 text-sm"
        />
      )}
      {engine.colours.plots.map((colour, index) => (
        <button
          key={colour}
          type="button"
          aria-label={`Colour ${index + 1}`}
          aria-pressed={drawing.colour === index + 1}
          onClick={() => store.change(drawing.id, { colour: index + 1 })}
          className="grid size-6 place-items-center rounded-full aria-pressed:outline-2 aria-pressed:outline-ink max-md:size-9"
        >
          <span aria-hidden className="size-4 rounded-full" style={{ background: colour }} />
        </button>
      ))}
      <RailButton label="Delete" onClick={() => store.remove(drawing.id)}>
        <Trash2 aria-hidden className="size-4 text-error" />
      </RailButton>
    </SelectionToolbar>
  )
}

/** Says that drawings wait to be saved. */
export function SyncNote() {
  const state = useStore(drawingSync.state)
  if (state !== 'unsaved') return null
  return (
    <span role="status" className="text-error">
      Drawings are kept on this device until the server takes them.{' '}
      <button type="button" className="underline" onClick={() => void drawingSync.flush()}>
        Try now
      </button>
    </span>
  )
}
