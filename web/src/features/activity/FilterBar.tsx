import { Choice } from '@/ui/Field'
import { FilterField } from '@/ui/FilterField'
import { DayFields, FilterForm } from '@/ui/FilterForm'

import type { Filters } from './queries'
import { isFiltered, ORDER_STATES } from './queries'
import { ORDER_WORDS } from './words'

/** Filters live in the address, so a filtered view can be kept and shared. */
export function FilterBar({
  show,
  filters,
  onChange,
}: {
  show: 'orders' | 'fills' | 'payments'
  filters: Filters
  onChange: (filters: Filters) => void
}) {
  const set = (change: Filters) => onChange({ ...filters, ...change })
  return (
    <FilterForm
      className="py-5"
      filtered={isFiltered(filters)}
      onClear={() => onChange({ show })}
      clear={filters.position ? 'Show all positions' : 'Clear filters'}
    >
      <FilterField
        label="Symbol"
        className="md:w-40"
        placeholder="BTCUSDT"
        autoComplete="off"
        value={filters.symbol ?? ''}
        onChoose={(symbol) => set({ symbol })}
      />
      {show === 'orders' && (
        <Choice
          label="State"
          className="md:w-44"
          value={filters.state ?? ''}
          onChange={(event) => set({ state: event.target.value })}
          options={[
            { value: '', label: 'Every state' },
            ...ORDER_STATES.map((state) => ({ value: state, label: ORDER_WORDS[state] })),
          ]}
        />
      )}
      {show === 'payments' && (
        <Choice
          label="Kind"
          className="md:w-44"
          value={filters.kind ?? ''}
          onChange={(event) => set({ kind: event.target.value })}
          options={[
            { value: '', label: 'Fees and funding' },
            { value: 'fee', label: 'Fees' },
            { value: 'funding', label: 'Funding' },
          ]}
        />
      )}
      <DayFields days={filters} onChange={set} />
    </FilterForm>
  )
}
