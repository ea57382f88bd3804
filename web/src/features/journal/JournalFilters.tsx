import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'

import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'

import type { Filters } from './queries'
import { isFiltered, labelsQuery } from './queries'
import { symbolOf } from './words'

/** Filters live in the address, so a filtered view can be kept. */
export function JournalFilters({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const labels = useQuery(labelsQuery).data
  const tagsId = useId()
  const symbolsId = useId()
  const set = (change: Filters) => onChange({ ...filters, ...change })
  const text = (label: string, name: 'symbol' | 'tag' | 'q', list?: string, placeholder = '') => (
    <Field
      label={label}
      className="md:w-40"
      autoComplete="off"
      maxLength={40}
      list={list}
      placeholder={placeholder}
      defaultValue={filters[name] ?? ''}
      key={`${name}-${filters[name] ?? ''}`}
      onBlur={(event) => event.target.value !== (filters[name] ?? '') && set({ [name]: event.target.value })}
      onKeyDown={(event) => event.key === 'Enter' && set({ [name]: event.currentTarget.value })}
    />
  )
  return (
    <form
      role="search"
      aria-label="Filters"
      onSubmit={(event) => event.preventDefault()}
      className="mb-6 grid grid-cols-2 items-end gap-3 md:flex md:flex-wrap"
    >
      {text('Words', 'q')}
      {text('Symbol', 'symbol', symbolsId, 'BTCUSDT')}
      {text('Tag', 'tag', tagsId)}
      <Field
        label="From (UTC)"
        type="date"
        value={filters.from ?? ''}
        onChange={(event) => set({ from: event.target.value })}
      />
      <Field
        label="To (UTC)"
        type="date"
        value={filters.to ?? ''}
        onChange={(event) => set({ to: event.target.value })}
      />
      {isFiltered(filters) && (
        <Button kind="quiet" onClick={() => onChange({})}>
          Clear filters
        </Button>
      )}
      <datalist id={tagsId}>
        {labels?.tags.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <datalist id={symbolsId}>
        {[...new Set(labels?.series.map(({ name }) => symbolOf(name)))].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </form>
  )
}
