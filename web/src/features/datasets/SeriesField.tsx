import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'

import { symbolsQuery } from '@/features/chart/data/symbols'
import { Field } from '@/ui/Field'

/** `source:symbol`, with what there is to choose from. */
export function SeriesField({
  value,
  onChange,
  label = 'Show the signals on',
  optional = false,
}: {
  value: string
  onChange: (series: string) => void
  label?: string
  optional?: boolean
}) {
  const id = useId()
  const typed = value.includes(':') ? value.slice(value.indexOf(':') + 1) : value
  const { data } = useQuery(symbolsQuery(typed))
  return (
    <div>
      <Field
        label={label}
        placeholder="binance:BTCUSDT"
        hint="A market, an index or one of your own datasets."
        autoComplete="off"
        required={!optional}
        list={id}
        value={value}
        onChange={(event) => onChange(event.target.value.trim())}
      />
      <datalist id={id}>
        {data?.map((one) => (
          <option key={one.series} value={one.series} label={one.name} />
        ))}
      </datalist>
    </div>
  )
}
