import clsx from 'clsx'

import { forGeometry, signedMoney, signOf } from '@/lib/numbers'
import { NoValue } from '@/ui/Money'

import type { PositionDetail } from './queries'

type Leg = PositionDetail['legs'][number]

/** Long to the right, short to the left of one line; every bar with its number. */
export function ExposureBars({ legs }: { legs: Leg[] }) {
  const widest = Math.max(...legs.map((leg) => Math.abs(forGeometry(leg.notional))), 1e-9)
  return (
    <ul aria-label="Exposure per leg, in USDT" className="text-sm">
      {legs.map((leg) => {
        const { notional } = leg
        const length = (Math.abs(forGeometry(notional)) / widest) * 50
        const known = notional !== null
        const long = known && signOf(notional) >= 0
        return (
          <li key={leg.symbol} className="flex h-8 items-center gap-3">
            <span className="w-14 shrink-0 font-medium">{leg.ticker}</span>
            <span aria-hidden className="relative h-3 flex-1">
              <span className="absolute inset-y-[-10px] left-1/2 w-px bg-hairline" />
              <span
                className={clsx('absolute inset-y-0 rounded-[2px]', long ? 'left-1/2 bg-up' : 'right-1/2 bg-down')}
                style={{ width: `${length}%` }}
              />
            </span>
            <span className={clsx('tnum w-24 shrink-0 text-right', known && (long ? 'text-up' : 'text-down'))}>
              {known ? signedMoney(notional) : <NoValue />}
            </span>
          </li>
        )
      })}
    </ul>
  )
}
