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
