import clsx from 'clsx'
import type { ReactNode } from 'react'

/** A row of a list that leads somewhere as a whole: one link in it is stretched over it. `className`: its columns. */
export function LinkRow({ className, children }: { className: string; children: ReactNode }) {
  return (
    <li
      className={clsx(
        'relative isolate grid grid-cols-[1fr_auto] items-center gap-x-6 gap-y-1 border-b border-hairline py-5',
        'before:absolute before:-inset-x-3 before:inset-y-0 before:-z-10 before:rounded-control',
        'before:transition-colors hover:before:bg-surface',
        className,
      )}
    >
      {children}
    </li>
  )
}
