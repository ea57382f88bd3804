import { ChevronsRight } from 'lucide-react'

import { useStore } from '@/lib/store'

import type { ChartEngine } from '../engine/ChartEngine'

/** The way back to the newest bar that may be seen, while that is not on the screen. */
export function NewestButton({ engine }: { engine: ChartEngine }) {
  const away = useStore(engine.viewport.away)
  return away && <Button engine={engine} />
}

const ROOM = 12

/** In the corner between the scales, which grow and shrink with what they say. */
function Button({ engine }: { engine: ChartEngine }) {
  useStore(engine.revision)
  const right = engine.chart.priceScale('right').width() + ROOM
  const bottom = engine.chart.timeScale().height() + ROOM
  return (
    <button
      type="button"
      aria-label="Go to the newest bar"
      title="Go to the newest bar (Alt End)"
      onClick={() => {
        engine.focus()
        engine.opener.toNewest()
      }}
      style={{ right, bottom }}
      className="absolute z-10 grid size-8 animate-enter place-items-center rounded-full border border-hairline bg-canvas text-muted shadow-sheet hover:bg-hover hover:text-ink max-md:size-11"
    >
      <ChevronsRight aria-hidden className="size-4" />
    </button>
  )
}
