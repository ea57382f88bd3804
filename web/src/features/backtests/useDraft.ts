import { useState } from 'react'

import { randomKey } from '@/lib/ids'

import type { Draft } from './draft'
import { useUsualMarket } from './market'
import { useScript } from './ScriptParts'

const OF_MARKET = ['series', 'timeframe', 'span'] as const

/**
 * A draft in a form: with the usual market until its owner says something about one, and with the chosen script. `key`
 * is of its content; `settle` lets that stay as it is.
 */
export function useDraft(initial: Draft, live = false) {
  const [kept, setKept] = useState(initial)
  const [isNamed, setNamed] = useState(initial.series !== '')
  const [key, setKey] = useState(randomKey)
  const chosen = useScript(kept.kind === 'script' ? kept.scriptId : '', kept.given, kept.typed)
  const usual = useUsualMarket(chosen.script, live)
  const draft: Draft = isNamed ? kept : { ...kept, ...usual }

  function settle() {
    if (isNamed || !usual) return
    setKept(draft)
    setNamed(true)
  }

  // Another content is another intent: the server refuses an old key for it.
  function change(part: Partial<Draft>) {
    const ofMarket = OF_MARKET.some((name) => name in part)
    if (ofMarket) setNamed(true)
    setKept((before) => ({ ...before, ...(ofMarket && !isNamed ? usual : {}), ...part }))
    setKey(randomKey())
  }

  return { draft, chosen, change, settle, key, renewKey: () => setKey(randomKey()) }
}
