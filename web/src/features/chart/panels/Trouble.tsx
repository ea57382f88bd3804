import type { ReactNode } from 'react'
import { createContext, useContext, useState } from 'react'
import { createPortal } from 'react-dom'

const Place = createContext<HTMLElement | null>(null)

/** Gives what is on a chart one place for their troubles, above the time scale. */
export function Foot({ children }: { children: ReactNode }) {
  const [place, setPlace] = useState<HTMLElement | null>(null)
  return (
    <Place value={place}>
      <div
        ref={setPlace}
        className="pointer-events-none absolute right-20 bottom-10 left-3 z-10 flex flex-col items-start gap-2 *:pointer-events-auto"
      />
      {children}
    </Place>
  )
}

export function AtFoot({ children }: { children: ReactNode }) {
  const place = useContext(Place)
  return place && createPortal(children, place)
}

/** So that a chart of which something is not known does not look like one that has nothing of it. */
export function Trouble({ retry, children }: { retry?: () => void; children: ReactNode }) {
  return (
    <AtFoot>
      <p role="alert" className="rounded-[5px] bg-canvas/80 px-1 text-xs text-error">
        {children}{' '}
        {retry && (
          <button type="button" className="underline" onClick={retry}>
            Try again
          </button>
        )}
      </p>
    </AtFoot>
  )
}
