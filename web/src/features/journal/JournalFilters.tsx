import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'

import { ownSeries } from '@/features/chart/own/store'
import { symbolWords } from '@/features/chart/words'
import { useStore } from '@/lib/store'
import { FilterField } from '@/ui/FilterField'
import { DayFields, FilterForm } from '@/ui/FilterForm'

import type { Filters } from './queries'
import { isFiltered, labelsQuery } from './queries'
import { symbolMeant, symbolShown } from './words'

/** Filters live in the address, so a filtered view can be kept. */
export function JournalFilters({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const labels = useQuery(labelsQuery).data
  useStore(ownSeries)
  const tagsId = useId()
  const symbolsId = useId()
  const set = (change: Filters) => onChange({ ...filters, ...change })
  const known = labels?.series.map((each) => each.name) ?? []
  const text = (label: string, name: 'symbol' | 'tag' | 'q', list?: string, placeholder = '') => (
    <FilterField
      label={label}
      className="md:w-40"
      autoComplete="off"
      maxLength={40}
      list={list}
      placeholder={placeholder}
      value={name === 'symbol' ? symbolShown(filters.symbol ?? '', known) : (filters[name] ?? '')}
      onChoose={(typed) => set({ [name]: name === 'symbol' ? symbolMeant(typed, known) : typed })}
    />
  )
  return (
    <FilterForm className="mb-6" filtered={isFiltered(filters)} onClear={() => onChange({})}>
      {text('Words', 'q')}
      {text('Symbol', 'symbol', symbolsId, 'BTCUSDT')}
      {text('Tag', 'tag', tagsId)}
      <DayFields days={filters} onChange={set} />
      <datalist id={tagsId}>
        {labels?.tags.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <datalist id={symbolsId}>
        {[...new Set(known.map(symbolWords))].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </FilterForm>
  )
}
