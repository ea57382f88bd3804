import { useRef, useState } from 'react'

import { Button } from '@/ui/Button'
import { toast } from '@/ui/toasts'

import type { Layout } from '../layoutSync'
import { newLayout, saveLayoutAs } from '../layouts'
import { NameForm } from './NameForm'

interface Way {
  button: string
  label: string
  action: string
  make: (name: string, anyway: boolean) => Promise<Layout>
}

const WAYS: Way[] = [
  { button: 'Save as…', label: 'Name of the copy', action: 'Save', make: saveLayoutAs },
  { button: 'New…', label: 'Name of the new layout', action: 'Create', make: newLayout },
]

/** Makes another layout, of the charts as they are or of one plain chart, which is open then. */
export function Making({ taken, onDone }: { taken: readonly string[]; onDone: () => void }) {
  const [way, setWay] = useState<Way | null>(null)
  const opener = useRef<HTMLButtonElement>(null)

  async function make(name: string, anyway: boolean) {
    await way?.make(name, anyway)
    toast(`“${name}” is open. What you change is saved in it.`)
    onDone()
  }

  return (
    <>
      <div className="flex gap-3">
        {WAYS.map((each) => (
          <Button
            key={each.button}
            aria-expanded={way === each}
            onClick={(event) => {
              opener.current = event.currentTarget
              setWay(way === each ? null : each)
            }}
          >
            {each.button}
          </Button>
        ))}
      </div>
      {way && (
        <NameForm
          key={way.button}
          label={way.label}
          action={way.action}
          taken={taken}
          onName={make}
          onClose={() => {
            setWay(null)
            opener.current?.focus()
          }}
        />
      )}
    </>
  )
}
