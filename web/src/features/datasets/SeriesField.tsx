import { useQuery } from '@tanstack/react-query'
import { useId, useMemo, useState } from 'react'

import { splitSeries } from '@/features/chart/data/series'
import { symbolsQuery } from '@/features/chart/data/symbols'
import { isOwn } from '@/features/chart/engine/spec'
import { useOwnData } from '@/features/chart/own/useOwnData'
import { Field } from '@/ui/Field'

import { namesOf, seriesMeant, seriesShown } from './names'

/** `source:symbol`, or the name of own data, with what there is to choose from. */
export function SeriesField({
  value,
  onChange,
  label = 'Show the signals on',
  optional = false,
  hint = 'A market, an index or one of your own datasets.',
}: {
  value: string
  onChange: (series: string) => void
  label?: string
  optional?: boolean
  hint?: string
}) {
  const id = useId()
  const { bars } = useOwnData()
  const names = useMemo(() => namesOf(bars), [bars])
  const [typed, setTyped] = useState('')
  /** Letter for letter what was typed, as long as that is what is meant. */
  const shown = seriesMeant(typed, names) === value ? typed : seriesShown(value, names.get(value))
  const { data } = useQuery(symbolsQuery(splitSeries(shown)[1].trim()))
  return (
    <div>
      <Field
        label={label}
        placeholder="binance:BTCUSDT"
        hint={hint}
        autoComplete="off"
        required={!optional}
        list={id}
        value={shown}
        onChange={(event) => {
          setTyped(event.target.value)
          onChange(seriesMeant(event.target.value, names))
        }}
      />
      <datalist id={id}>
        {data?.map(({ series, name }) =>
          isOwn(series) ? (
            <option key={series} value={names.get(series) ?? name} />
          ) : (
            <option key={series} value={series} label={name} />
          ),
        )}
      </datalist>
    </div>
  )
}
