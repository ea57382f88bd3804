import type { RefObject } from 'react'
import { useLayoutEffect, useState } from 'react'

const LEAST = 320

/** The height the window leaves below an element, above the tab bar of a phone; again whenever bars come and go. */
export function useFillHeight(target: RefObject<HTMLElement | null>): number {
  const [height, setHeight] = useState(LEAST)
  useLayoutEffect(() => {
    function fit() {
      const top = (target.current?.getBoundingClientRect().top ?? 0) + window.scrollY
      const tabs = document.querySelector<HTMLElement>('nav.fixed')?.offsetHeight ?? 0
      setHeight(Math.max(LEAST, window.innerHeight - top - tabs))
    }
    fit()
    const observer = new ResizeObserver(fit)
    observer.observe(document.body)
    window.addEventListener('resize', fit)
    return () => {
      observer.disconnect()
      window.removeEventListener('resize', fit)
    }
  }, [target])
  return height
}
