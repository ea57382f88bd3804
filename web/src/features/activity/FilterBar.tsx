import { Button } from '@/ui/Button'
import { Choice, Field } from '@/ui/Field'
import { FilterField } from '@/ui/FilterField'

import type { Filters } from './queries'
import { ORDER_STATES } from './queries'
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
  const filtered = Object.entries(filters).some(([name, value]) => name !== 'show' && value)
  return (
    <form
      role="search"
      aria-label="Filters"
      onSubmit={(event) => event.preventDefault()}
      className="grid grid-cols-2 items-end gap-3 py-5 md:flex md:flex-wrap"
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
      {filtered && (
        <Button kind="quiet" onClick={() => onChange({ show })}>
          {filters.position ? 'Show all positions' : 'Clear filters'}
        </Button>
      )}
    </form>
  )
}
