import clsx from 'clsx'

import type { PlanLeg } from '@/features/trade/queries'
import { signedPercent } from '@/lib/numbers'

import type { Scale, Shift } from './shift'
import { placeOf, scaleOf, shiftsOf } from './shift'

/** From where each weight is to where it should be: a ring, an arrow, a dot. */
export function WeightShift({ legs }: { legs: readonly PlanLeg[] }) {
  const shifts = shiftsOf(legs)
  const scale = scaleOf(shifts)
  return (
    <figure>
      <ul aria-label="Weights before and after, as shares of the position’s size">
        {shifts.map((shift) => (
          <Line key={shift.symbol} shift={shift} scale={scale} />
        ))}
      </ul>
      <figcaption className="mt-3 flex flex-wrap gap-x-6 gap-y-1 text-sm text-muted">
        <span className="inline-flex items-center gap-2">
          <Ring /> now
        </span>
        <span className="inline-flex items-center gap-2">
          <span aria-hidden className="size-2.5 rounded-full bg-ink" /> after
        </span>
        <span>Left of the line is short, right of it long.</span>
      </figcaption>
    </figure>
  )
}

function Ring() {
  return <span aria-hidden className="size-2.5 rounded-full border-2 border-edge bg-canvas" />
}

function Line({ shift, scale }: { shift: Shift; scale: Scale }) {
  const [before, after] = [placeOf(shift.before, scale), placeOf(shift.after, scale)]
  const up = shift.after > shift.before
  const moves = shift.traded && shift.after !== shift.before
  return (
    <li className="flex h-9 items-center gap-3 text-sm">
      <span className={clsx('w-14 shrink-0 font-medium', !moves && 'text-muted')}>{shift.ticker}</span>
      <span aria-hidden className="relative h-full flex-1">
        <span className="absolute inset-x-0 top-1/2 h-px bg-hairline" />
        <span className="absolute inset-y-0 w-px bg-edge" style={{ left: `${placeOf(0, scale) * 100}%` }} />
        {moves && (
          <span
            className={clsx('absolute top-1/2 h-[3px] -translate-y-1/2', up ? 'bg-up' : 'bg-down')}
            style={{ left: `${Math.min(before, after) * 100}%`, width: `${Math.abs(after - before) * 100}%` }}
          />
        )}
        <span
          className="absolute top-1/2 size-2.5 -translate-1/2 rounded-full border-2 border-edge bg-canvas"
          style={{ left: `${before * 100}%` }}
        />
        {moves && (
          <span
            className={clsx('absolute top-1/2 size-2.5 -translate-1/2 rounded-full', up ? 'bg-up' : 'bg-down')}
            style={{ left: `${after * 100}%` }}
          />
        )}
      </span>
      <span className="tnum w-36 shrink-0 text-right whitespace-nowrap max-sm:w-30 max-sm:text-xs">
        <span className="text-muted">{signedPercent(shift.before, 1)}</span>
        {moves ? (
          <>
            <span className="text-muted"> → </span>
            <span className={clsx('font-medium', up ? 'text-up' : 'text-down')}>{signedPercent(shift.after, 1)}</span>
          </>
        ) : (
          <span className="text-muted"> stays</span>
        )}
      </span>
    </li>
  )
}
