import { createStore } from '@/lib/store'

import type { Timeframe } from '../data/timeframes'
import { onOtherUser } from '../userStorage'

/** What is known of the user's own series: what they call it, and how long its bars are. */
export interface OwnSeries {
  name: string
  base: Timeframe
}

/** By series, `own:<id>`. */
export const ownSeries = createStore<ReadonlyMap<string, OwnSeries>>(new Map())

/** The names of the user's sets of signals, by the id of their dataset. */
export const signalSets = createStore<ReadonlyMap<string, string>>(new Map())

onOtherUser(() => {
  ownSeries.set(new Map())
  signalSets.set(new Map())
})
