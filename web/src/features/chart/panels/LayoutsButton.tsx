import { LayoutGrid } from 'lucide-react'
import type { ComponentType } from 'react'
import { useState } from 'react'

import { useStore } from '@/lib/store'
import { toast } from '@/ui/toasts'

import { workspace } from '../workspace'
import { ToolButton } from './Toolbar'

type Dialog = ComponentType<{ onClose: () => void }>

/** Names the layout in hand and opens the list of all. */
export function LayoutsButton() {
  const { layout } = useStore(workspace)
  const [Layouts, setLayouts] = useState<Dialog | null>(null)

  async function open() {
    const { default: loaded } = await import('./LayoutsDialog')
    setLayouts(() => loaded)
  }

  return (
    <>
      <ToolButton
        title="Layouts"
        aria-haspopup="dialog"
        onClick={() => open().catch(() => toast('The layouts could not be loaded. Try again.'))}
      >
        <LayoutGrid aria-hidden className="size-4 text-muted" />
        <span className="sr-only">Layouts{layout && ': '}</span>
        <span className="max-w-28 truncate md:max-[1279px]:sr-only">{layout?.name}</span>
      </ToolButton>
      {Layouts && <Layouts onClose={() => setLayouts(null)} />}
    </>
  )
}
