import { CHART_KEYS } from '@/features/chart/keys'
import { Dialog } from '@/ui/Dialog'
import { Kbd } from '@/ui/Kbd'

import { ACTIONS } from './actions'

export default function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Keyboard shortcuts"
      description="They rest while you type. Letter keys can be switched off in Settings."
    >
      <dl className="text-sm">
        {ACTIONS.filter((action) => action.keys).map((action) => (
          <div key={action.id} className="flex items-center justify-between gap-4 py-1.5">
            <dt>{action.group === 'Go to' ? `Go to ${action.label}` : action.label}</dt>
            <dd>
              <Kbd keys={action.keys ?? ''} />
            </dd>
          </div>
        ))}
        {CHART_KEYS.map(([keys, what]) => (
          <div key={keys} className="flex items-center justify-between gap-4 py-1.5">
            <dt>Chart: {what}</dt>
            <dd>
              <Kbd keys={keys} />
            </dd>
          </div>
        ))}
        <div className="flex items-center justify-between gap-4 py-1.5">
          <dt>Stop trading, even while typing</dt>
          <dd>
            <Kbd keys="shift esc" />
          </dd>
        </div>
        <div className="flex items-center justify-between gap-4 py-1.5">
          <dt>Close what is open</dt>
          <dd>
            <Kbd keys="esc" />
          </dd>
        </div>
      </dl>
    </Dialog>
  )
}
