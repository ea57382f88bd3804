import { Field } from '@/ui/Field'
import { Segmented } from '@/ui/Segmented'

import type { HandDraft } from './draft'

const SIDES = [
  { value: 'long', label: 'Long' },
  { value: 'short', label: 'Short' },
] as const

/** A trade made elsewhere, typed. It is labelled so wherever it is shown. */
export function HandFields({ hand, onChange }: { hand: HandDraft; onChange: (change: Partial<HandDraft>) => void }) {
  const number = (label: string, name: 'quantity' | 'entryPrice' | 'exitPrice' | 'fees', hint?: string) => (
    <Field
      label={label}
      hint={hint}
      inputMode="decimal"
      autoComplete="off"
      maxLength={40}
      value={hand[name]}
      onChange={(event) => onChange({ [name]: event.target.value })}
    />
  )
  const moment = (label: string, name: 'entryAt' | 'exitAt', hint?: string) => (
    <Field
      label={label}
      hint={hint}
      type="datetime-local"
      step={1}
      value={hand[name]}
      onChange={(event) => onChange({ [name]: event.target.value })}
    />
  )
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <p className="text-sm text-muted sm:col-span-2">
        For a trade made elsewhere. It is shown as “entered by hand”, apart from what the ledger knows. Money in USDT.
      </p>
      <div className="sm:col-span-2">
        <Segmented
          label="Side"
          value={hand.direction}
          segments={[...SIDES]}
          onChange={(direction) => onChange({ direction })}
        />
      </div>
      {number('Size', 'quantity', 'In coins.')}
      {number('Fees', 'fees', 'What was paid, altogether.')}
      {number('Entry price', 'entryPrice')}
      {moment('Entry time (UTC)', 'entryAt')}
      {number('Exit price', 'exitPrice', 'Leave empty while it is open.')}
      {moment('Exit time (UTC)', 'exitAt')}
    </div>
  )
}
