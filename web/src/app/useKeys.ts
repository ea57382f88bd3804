import { useEffect } from 'react'

import { appearance } from '@/lib/appearance'

import type { ActionTools } from './actions'
import { ACTIONS, isTyping, matchKeys } from './actions'

const PAUSE = 1200

/** Listens for the keys of the registry of actions. */
export function useKeys(tools: ActionTools): void {
  useEffect(() => {
    let pressed: string[] = []
    let timer: ReturnType<typeof setTimeout> | undefined

    function onKey(event: KeyboardEvent) {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        ACTIONS.find((action) => action.keys === 'mod k')?.perform(tools)
        return
      }
      if (event.shiftKey && event.key === 'Escape') {
        event.preventDefault()
        tools.stop()
        return
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return
      if (!appearance.get().letterKeys || event.key.length !== 1) return
      clearTimeout(timer)
      pressed = [...pressed, event.key.toLowerCase()]
      let { action, waits } = matchKeys(pressed)
      if (!action && !waits) {
        pressed = [event.key.toLowerCase()]
        ;({ action, waits } = matchKeys(pressed))
      }
      if (action) {
        event.preventDefault()
        action.perform(tools)
      }
      if (waits) timer = setTimeout(() => (pressed = []), PAUSE)
      else pressed = []
    }

    window.addEventListener('keydown', onKey)
    return () => {
      clearTimeout(timer)
      window.removeEventListener('keydown', onKey)
    }
  }, [tools])
}
