import clsx from 'clsx'
import type { ReactNode } from 'react'

/** A state in a word. Solid for what needs the eye, outlined for the rest. */
export function Badge({ tone = 'plain', children }: { tone?: 'plain' | 'strong' | 'error'; children: ReactNode }) {
  return (
    <span
      className={clsx(
        'inline-flex h-6 shrink-0 items-center rounded-full border px-2.5 text-xs font-medium whitespace-nowrap',
        tone === 'plain' && 'border-hairline text-muted',
        tone === 'strong' && 'border-ink bg-ink text-on-ink',
        tone === 'error' && 'border-error text-error',
      )}
    >
      {children}
    </span>
  )
}
