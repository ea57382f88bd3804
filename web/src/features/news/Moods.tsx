import { CircleDashed, Minus, TrendingDown, TrendingUp } from 'lucide-react'

import type { Basis, Mood } from './queries'
import { BASIS_WORDS, MOOD_WORDS } from './words'

const LOOKS = {
  positive: { icon: TrendingUp, colour: 'text-up' },
  neutral: { icon: Minus, colour: 'text-muted' },
  negative: { icon: TrendingDown, colour: 'text-down' },
  unknown: { icon: CircleDashed, colour: 'text-muted' },
} as const

/** A mood in a word and a sign, never by colour alone, and who says so. */
export function MoodMark({ mood, basis }: { mood: Mood; basis: Basis }) {
  const { icon: Icon, colour } = LOOKS[mood]
  return (
    <div className="flex items-center gap-2 text-sm md:block">
      <p className={`flex items-center gap-1.5 font-medium ${colour}`}>
        <Icon aria-hidden className="size-4 shrink-0" />
        {MOOD_WORDS[mood]}
      </p>
      <p className="text-xs text-muted md:mt-0.5">{BASIS_WORDS[basis]}</p>
    </div>
  )
}

/** Beside the name of a coin: what the source says of that coin alone. */
export function MoodSign({ mood }: { mood: Mood }) {
  if (mood === 'unknown') return null
  const { icon: Icon, colour } = LOOKS[mood]
  return (
    <>
      <Icon aria-hidden className={`size-3.5 shrink-0 ${colour}`} />
      <span className="sr-only">, {MOOD_WORDS[mood].toLowerCase()}</span>
    </>
  )
}
