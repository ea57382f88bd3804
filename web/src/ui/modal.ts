import type { KeyboardEvent } from 'react'
import { useState } from 'react'

/** What Radix leaves undone for a dialog that no trigger of its own opens. Escape closes it also while a message lies
 * over it, as Radix tells only what lies on top of the key; and the focus goes back to where it was. */
export function useModal(close: () => void) {
  const [opener] = useState(() => document.activeElement)
  return {
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return
      event.preventDefault()
      close()
    },
    onCloseAutoFocus: (event: Event) => {
      event.preventDefault()
      if (document.activeElement === document.body) giveBack(opener)
    },
  }
}

/** To the page where the opener is gone, as a line that was deleted is. */
function giveBack(opener: Element | null): void {
  const place = opener?.isConnected ? opener : document.getElementById('main')
  if (place instanceof HTMLElement) place.focus({ preventScroll: true })
}
