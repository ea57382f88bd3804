import clsx from 'clsx'

import { forGeometry } from '@/lib/numbers'

import type { LimitField } from './fields'
import { shown, SUFFIX } from './fields'

const NEAR = 0.8

/** How much of a limit is used: a bar, and the same in words. */
export function UsageBar({ field, used, limit }: { field: LimitField; used: string; limit: string | number }) {
  const share = forGeometry(used) / Math.max(forGeometry(String(limit)), Number.MIN_VALUE)
  const full = share >= 1
  const unit = field.kind === 'share' ? '%' : ` ${SUFFIX[field.kind]}`
  return (
    <div className="mt-2">
      <div aria-hidden className="h-1 overflow-hidden rounded-full bg-hover">
        <div
          className={clsx('h-full rounded-full', share >= NEAR ? 'bg-error' : 'bg-ink')}
          style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }}
        />
      </div>
      <p className="tnum mt-1 text-xs text-muted">
        {shown(field, used)} of {shown(field, limit)}
        {unit} used
        {share >= NEAR && (
          <strong className="font-medium text-error">
            {full ? ': reached, nothing new is opened' : ': nearly reached'}
          </strong>
        )}
      </p>
    </div>
  )
}
