import { useSyncExternalStore } from 'react'

const narrow = () => window.matchMedia('(max-width: 767px)')

function subscribe(listener: () => void): () => void {
  const query = narrow()
  query.addEventListener('change', listener)
  return () => query.removeEventListener('change', listener)
}

/** Whether the window is as narrow as a phone's, where one chart at a time is shown. */
export function usePhone(): boolean {
  return useSyncExternalStore(subscribe, () => narrow().matches)
}
