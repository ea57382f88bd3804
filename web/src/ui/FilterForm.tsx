import clsx from 'clsx'
import type { ReactNode } from 'react'

import { Button } from './Button'
import { Field } from './Field'

/** The filters of a list, which live in the address, so that a filtered view can be kept and shared. */
export function FilterForm({
  filtered,
  onClear,
  clear = 'Clear filters',
  className,
  children,
}: {
  filtered: boolean
  onClear: () => void
  clear?: string
  className?: string
  children: ReactNode
}) {
  return (
    <form
      role="search"
      aria-label="Filters"
      onSubmit={(event) => event.preventDefault()}
      className={clsx('grid grid-cols-2 items-end gap-3 md:flex md:flex-wrap', className)}
    >
      {children}
      {filtered && (
        <Button kind="quiet" className="max-md:col-span-2" onClick={onClear}>
          {clear}
        </Button>
      )}
    </form>
  )
}

interface Days {
  from?: string
  to?: string
}

/** The first and the last day of what is listed. */
export function DayFields({ days, onChange }: { days: Days; onChange: (change: Days) => void }) {
  return (
    <>
      <Field
        label="From (UTC)"
        type="date"
        value={days.from ?? ''}
        onChange={(event) => onChange({ from: event.target.value })}
      />
      <Field
        label="To (UTC)"
        type="date"
        value={days.to ?? ''}
        onChange={(event) => onChange({ to: event.target.value })}
      />
    </>
  )
}
