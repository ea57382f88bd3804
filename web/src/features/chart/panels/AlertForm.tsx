import type { FormEvent } from 'react'
import { useRef, useState } from 'react'

import { randomKey } from '@/lib/ids'
import { cleanAmount } from '@/lib/numbers'
import { Button } from '@/ui/Button'
import { Choice, Field } from '@/ui/Field'
import { ProblemNotice } from '@/ui/States'

import type { Alert, NewAlert } from '../alerts/model'
import { DIRECTION_WORDS } from '../alerts/model'
import { useSaveAlert } from '../alerts/queries'
import { symbolWords } from '../words'

const DIRECTIONS = (['either', 'above', 'below'] as const).map((value) => ({ value, label: DIRECTION_WORDS[value] }))
const REPEATS = [
  { value: 'once', label: 'once' },
  { value: 'every', label: 'every time' },
]

/** Sets an alert on a series, or changes one; a change arms it anew. */
export function AlertForm({
  series,
  price,
  editing,
  onDone,
}: {
  series: string
  price: string
  editing: Alert | null
  onDone: () => void
}) {
  const save = useSaveAlert()
  const intent = useRef(randomKey())
  const [problem, setProblem] = useState('')
  const [done, setDone] = useState(false)
  const symbol = symbolWords(series)

  function onSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = event.currentTarget
    const typed = new FormData(form)
    const read = (name: string) => String(typed.get(name) ?? '')
    const level = cleanAmount(read('price'))
    const wrong = priceProblem(level)
    setProblem(wrong)
    setDone(false)
    if (wrong) return
    const wanted: NewAlert = {
      series,
      price: level,
      direction: read('direction') as NewAlert['direction'],
      repeat: read('repeat') as NewAlert['repeat'],
      note: read('note').trim(),
      active: true,
    }
    save.mutate(
      { ...(editing ? { id: editing.id } : {}), wanted, key: intent.current },
      {
        onSuccess: () => {
          intent.current = randomKey()
          setDone(true)
          form.reset()
          onDone()
        },
      },
    )
  }

  return (
    <form onSubmit={onSubmit} onChange={() => (intent.current = randomKey())} noValidate>
      <div className="grid grid-cols-2 gap-3">
        <Field
          label={`When ${symbol} reaches`}
          name="price"
          inputMode="decimal"
          autoComplete="off"
          defaultValue={price}
          error={problem}
          className="col-span-2"
        />
        <Choice label="Coming" name="direction" options={DIRECTIONS} defaultValue={editing?.direction ?? 'either'} />
        <Choice label="Tell me" name="repeat" options={REPEATS} defaultValue={editing?.repeat ?? 'once'} />
        <Field
          label="Note"
          name="note"
          maxLength={200}
          autoComplete="off"
          defaultValue={editing?.note ?? ''}
          className="col-span-2"
        />
      </div>
      {save.error && <ProblemNotice error={save.error} className="mt-4" />}
      <div className="mt-4 flex gap-3">
        <Button kind="primary" size="small" type="submit" busy={save.isPending}>
          {editing ? 'Save' : 'Add alert'}
        </Button>
        <p role="status" className="self-center text-sm text-muted">
          {done && !save.isPending && 'The alert is set.'}
        </p>
        {editing && (
          <Button kind="quiet" size="small" onClick={onDone}>
            Cancel
          </Button>
        )}
      </div>
    </form>
  )
}

function priceProblem(typed: string): string {
  if (typed === '') return 'Enter a price.'
  if (!/^\d{1,16}(\.\d{1,12})?$/.test(typed)) return 'This is not a price: write digits and one point, like 64000.5.'
  return /[1-9]/.test(typed) ? '' : 'A price is above zero.'
}
