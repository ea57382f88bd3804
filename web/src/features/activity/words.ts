import type { Schemas } from '@/api/client'

export const ORDER_WORDS: Record<Schemas['OrderView']['state'], string> = {
  planned: 'Planned',
  sent: 'Sent',
  unknown: 'Unknown',
  accepted: 'Accepted',
  partially_filled: 'Partly filled',
  filled: 'Filled',
  cancelled: 'Cancelled',
  rejected: 'Rejected',
}

export const ROLE_WORDS: Record<Schemas['OrderView']['role'], string> = {
  open: 'Open',
  close: 'Close',
  rebalance: 'Rebalance',
  unwind: 'Unwind',
}

export const PAYMENT_WORDS: Record<Schemas['PaymentView']['kind'], string> = {
  fee: 'Fee',
  funding: 'Funding',
  adjustment: 'Adjustment',
}

export const STYLE_WORDS: Record<Schemas['OrderView']['style'], { short: string; text: string }> = {
  ioc: { short: 'IOC', text: 'Limit, immediate or cancel: takes what is there and rests nowhere.' },
  post_only: { short: 'Post-only', text: 'Rests at the best price and never takes.' },
  market: { short: 'Market', text: 'Takes at once, within a bound around the best price.' },
}

export const UNKNOWN_TEXT =
  'The venue has not told the outcome of this order. Holdfast keeps asking; until it knows, nothing is assumed and nothing is sent in its place.'
