import clsx from 'clsx'
import { OctagonX } from 'lucide-react'

import { useStops } from './queries'
import { openStop } from './store'

/** The kill switch, one press away on every page. It says when trading is stopped already. */
export function StopButton({ className, labelClass }: { className?: string; labelClass?: string }) {
  const stopped = useStops(true).data?.some((stop) => stop.scope !== 'position') ?? false
  return (
    <button
      type="button"
      onClick={() => openStop()}
      aria-keyshortcuts="! Shift+Escape"
      title="Stop trading, or stop and flatten (!)"
      aria-label={stopped ? 'Trading is stopped' : 'Stop trading'}
      className={clsx(
        'flex items-center gap-2 rounded-control border border-error font-medium transition-colors',
        stopped ? 'bg-error text-canvas' : 'text-error hover:bg-hover',
        className,
      )}
    >
      <OctagonX aria-hidden className="size-5 shrink-0" strokeWidth={1.75} />
      <span className={labelClass}>{stopped ? 'Stopped' : 'Stop'}</span>
    </button>
  )
}
