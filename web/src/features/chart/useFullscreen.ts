import { useCallback, useEffect, useState } from 'react'

/** Lets the chart fill the window, and the window the screen where the browser allows it. */
export function useFullscreen() {
  const [full, setFull] = useState(false)
  const leave = useCallback(() => {
    setFull(false)
    if (document.fullscreenElement) void document.exitFullscreen()
  }, [])
  const toggle = useCallback(() => {
    if (full) {
      leave()
      return
    }
    setFull(true)
    document.documentElement.requestFullscreen?.().catch(() => undefined)
  }, [full, leave])
  useEffect(() => {
    const onChange = () => !document.fullscreenElement && setFull(false)
    document.addEventListener('fullscreenchange', onChange)
    return () => document.removeEventListener('fullscreenchange', onChange)
  }, [])
  return { full, toggle, leave }
}
