import type { KeyboardEvent } from 'react'

/** Closes a dialog by Escape also while a message lies over it: Radix tells only what lies on top of the key. */
export const escapeCloses = (close: () => void) => ({
  onKeyDown: (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || event.defaultPrevented) return
    event.preventDefault()
    close()
  },
})
