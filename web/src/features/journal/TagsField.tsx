import { X } from 'lucide-react'
import { useId, useState } from 'react'

import { Field } from '@/ui/Field'

import { tagOf } from './words'

/** Free tags: Enter or a comma adds one, known ones are offered. */
export function TagsField({
  tags,
  known,
  onChange,
}: {
  tags: string[]
  known: string[]
  onChange: (tags: string[]) => void
}) {
  const id = useId()
  const [typed, setTyped] = useState('')
  const add = (text: string) => {
    const found = text.split(',').map(tagOf).filter(Boolean)
    if (found.length > 0) onChange([...new Set([...tags, ...found])])
    setTyped('')
  }
  return (
    <div>
      <Field
        label="Tags"
        hint="Enter or a comma adds one."
        autoComplete="off"
        maxLength={100}
        list={id}
        value={typed}
        onChange={(event) =>
          event.target.value.includes(',') ? add(event.target.value) : setTyped(event.target.value)
        }
        onBlur={() => add(typed)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') {
            event.preventDefault()
            add(typed)
          } else if (event.key === 'Backspace' && typed === '') onChange(tags.slice(0, -1))
        }}
      />
      <datalist id={id}>
        {known
          .filter((tag) => !tags.includes(tag))
          .map((tag) => (
            <option key={tag} value={tag} />
          ))}
      </datalist>
      {tags.length > 0 && (
        <ul aria-label="Chosen tags" className="mt-2 flex flex-wrap gap-2">
          {tags.map((tag) => (
            <li key={tag}>
              <button
                type="button"
                onClick={() => onChange(tags.filter((each) => each !== tag))}
                className="inline-flex min-h-8 items-center gap-1.5 rounded-full border border-hairline px-3 text-sm hover:bg-hover max-md:min-h-11"
              >
                #{tag}
                <X aria-hidden className="size-3.5 text-muted" />
                <span className="sr-only">, take away</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
