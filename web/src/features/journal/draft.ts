import { session } from '@/api/session'
import { cleanAmount, isDecimal } from '@/lib/numbers'

import { draftKey } from './memory'
import type { Entry, Image, Mood, NewEntry, TradeWish } from './queries'
import { inputOf, instantOf } from './words'

/** Fields of a trade that was made elsewhere, as they are typed. */
export interface HandDraft {
  direction: 'long' | 'short'
  quantity: string
  entryPrice: string
  entryAt: string
  exitPrice: string
  exitAt: string
  fees: string
}

/** An entry while it is written: everything as it stands in its fields. */
export interface Draft {
  /** Of the entry as it was read: only that one may be written over. */
  version: number
  title: string
  text: string
  series: string
  at: string
  mood: Mood | ''
  rating: string
  setup: string
  tags: string[]
  images: Image[]
  kind: 'none' | TradeWish['kind']
  position: string
  fills: string[]
  hand: HandDraft
  /** What a link had filled in when it was begun. */
  given: string
}

const NO_TRADE: HandDraft = {
  direction: 'long',
  quantity: '',
  entryPrice: '',
  entryAt: '',
  exitPrice: '',
  exitAt: '',
  fees: '',
}

export const emptyDraft = (now: number, given: Partial<Draft> = {}): Draft => ({
  version: 1,
  title: '',
  text: '',
  series: '',
  at: inputOf(new Date(now).toISOString()),
  mood: '',
  rating: '',
  setup: '',
  tags: [],
  images: [],
  kind: 'none',
  position: '',
  fills: [],
  hand: NO_TRADE,
  ...given,
  given: JSON.stringify(given),
})

export function draftOf(entry: Entry): Draft {
  const { trade } = entry
  return {
    version: entry.version,
    title: entry.title,
    text: entry.text,
    series: entry.series,
    at: inputOf(entry.happened_at),
    mood: entry.mood ?? '',
    rating: entry.rating === null ? '' : String(entry.rating),
    setup: entry.setup,
    tags: entry.tags,
    images: entry.images,
    kind: trade?.kind ?? 'none',
    position: trade?.position_id ?? '',
    fills: trade?.fills ?? [],
    given: '',
    hand:
      trade?.kind === 'hand'
        ? {
            direction: trade.direction,
            quantity: trade.quantity ?? '',
            entryPrice: trade.entry_price ?? '',
            entryAt: trade.entry_at ? inputOf(trade.entry_at) : '',
            exitPrice: trade.exit_price ?? '',
            exitAt: trade.exit_at ? inputOf(trade.exit_at) : '',
            fees: trade.fees === '0' ? '' : trade.fees,
          }
        : NO_TRADE,
  }
}

/** The trade as the API takes it, or null while there is none or it is not whole. */
export function tradeOf(draft: Draft): TradeWish | null {
  const { kind, position, fills, hand } = draft
  if (kind === 'position') return position ? { kind, position_id: position } : null
  if (kind === 'fills') return fills.length > 0 ? { kind, fills: [...fills].sort() } : null
  if (kind !== 'hand' || !hand.quantity || !hand.entryPrice || !hand.entryAt) return null
  return {
    kind,
    direction: hand.direction,
    quantity: cleanAmount(hand.quantity),
    entry_price: cleanAmount(hand.entryPrice),
    entry_at: instantOf(hand.entryAt),
    exit_price: hand.exitPrice ? cleanAmount(hand.exitPrice) : null,
    exit_at: hand.exitAt ? instantOf(hand.exitAt) : null,
    fees: hand.fees ? cleanAmount(hand.fees) : '0',
  }
}

export function bodyOf(draft: Draft): NewEntry {
  return {
    title: draft.title.trim(),
    text: draft.text,
    series: draft.series.trim(),
    happened_at: instantOf(draft.at),
    mood: draft.mood || null,
    rating: draft.rating ? Number(draft.rating) : null,
    setup: draft.setup,
    tags: draft.tags,
    images: draft.images.map((image) => image.id),
    trade: tradeOf(draft),
  }
}

/** What keeps a draft from being sent, in a sentence; null when nothing does. */
export function draftProblem(draft: Draft): string | null {
  if (!draft.title.trim()) return 'Give it a title.'
  if (!instantOf(draft.at)) return 'Choose when it happened.'
  if (draft.kind === 'position' && !draft.position) return 'Choose the position, or no trade.'
  if (draft.kind === 'fills' && draft.fills.length === 0) return 'Choose the fills, or no trade.'
  if (draft.kind === 'hand' && !tradeOf(draft)) return 'A trade has a size, an entry price and an entry time.'
  return draft.kind === 'hand' ? numberProblem(draft.hand) : null
}

function numberProblem({ quantity, entryPrice, exitPrice, fees }: HandDraft): string | null {
  const numbers = { Size: quantity, 'Entry price': entryPrice, 'Exit price': exitPrice, Fees: fees }
  const wrong = Object.entries(numbers).find(([, typed]) => typed && !isDecimal(cleanAmount(typed)))
  return wrong ? `${wrong[0]}: write a number such as 1,000.5, with a point before its decimals.` : null
}

function keyOf(id: string): string {
  const state = session.get()
  return draftKey(state.status === 'in' ? state.user.id : '', id)
}

export function keptDraft(id: string): Draft | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(id)) ?? 'null') as Draft | null
    return kept && { ...emptyDraft(0), ...kept }
  } catch {
    return null
  }
}

/** What was written before, at the place that a link names now. */
export function resumed(kept: Draft, given: Partial<Draft>): Draft {
  const link = JSON.stringify(given)
  return kept.given === link ? kept : { ...kept, ...given, given: link }
}

export function keepDraft(id: string, draft: Draft): void {
  sessionStorage.setItem(keyOf(id), JSON.stringify(draft))
}

export function forgetDraft(id: string): void {
  sessionStorage.removeItem(keyOf(id))
}
