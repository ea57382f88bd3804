import { useState } from 'react'

import type { FieldProps } from './Field'
import { Field } from './Field'

/** A text that filters what is shown, once it is left or Enter is pressed; the cursor stays in it. */
export function FilterField({
  value,
  onChoose,
  ...rest
}: Omit<FieldProps, 'value' | 'onChange' | 'onBlur' | 'onKeyDown'> & {
  value: string
  onChoose: (value: string) => void
}) {
  const [text, setText] = useState(value)
  const [before, setBefore] = useState(value)
  if (before !== value) {
    setBefore(value)
    setText(value)
  }
  const send = () => text.trim() !== value && onChoose(text.trim())
  return (
    <Field
      {...rest}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={send}
      onKeyDown={(event) => event.key === 'Enter' && send()}
    />
  )
}
