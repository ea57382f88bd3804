import { capital } from '@/features/trade/words'

import type { Flatten, Stop } from './queries'

/** What a stop holds back. */
export function stopTitle(stop: Stop, name: string | undefined): string {
  switch (stop.scope) {
    case 'instance':
      return 'Trading is stopped for everybody on this installation.'
    case 'user':
      return 'Trading is stopped.'
    case 'position':
      return `${name ?? 'One position'} is stopped.`
  }
}

export const FLATTEN_TITLES: Record<Flatten['state'], string> = {
  running: 'Closing',
  done: 'Flat',
  partly: 'Not everything could be closed',
}

export const FLATTEN_WORDS: Record<Flatten['positions'][number]['state'], string> = {
  waiting: 'Waiting',
  closing: 'Being closed',
  done: 'Closed',
  partly: 'Not all closed',
}

/** A position as it is called in lists: "Long BTC.D". */
export function positionName(position: { direction: string; index_name: string }): string {
  return `${capital(position.direction)} ${position.index_name}`
}
