import type { Basis, Feed, Mood } from './queries'

export const MOOD_WORDS: Record<Mood, string> = {
  positive: 'Positive',
  neutral: 'Neutral',
  negative: 'Negative',
  unknown: 'No mood',
}

/** Who says so. */
export const BASIS_WORDS: Record<Basis, string> = {
  marketaux: 'by Marketaux',
  word_list: 'estimated by word list',
  none: 'nobody gave one',
}

/** What stands above the list; nothing while all is well. */
export const FEED_TITLES: Record<Feed['state'], string> = {
  ok: '',
  waiting: 'No news yet',
  no_token: 'News need a token',
  token_refused: 'The token is refused',
  quota: 'The quota of today is used up',
  unreachable: 'The source does not answer',
  stale: 'These may be old',
}
