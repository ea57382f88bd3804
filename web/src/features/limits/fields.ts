import { amountProblem, cleanAmount, compareAmounts, money, movePoint } from '@/lib/numbers'

import type { LimitName, Limits, LimitUsage } from './queries'

export interface LimitField {
  name: LimitName
  label: string
  hint: string
  /** USDT, a share shown in percent, or a count. */
  kind: 'money' | 'share' | 'count'
  /** Limits that only make sense for everything together. */
  userOnly?: boolean
  used?: (usage: LimitUsage) => string | null
}

export const GROUPS: { title: string; fields: LimitField[] }[] = [
  {
    title: 'Size',
    fields: [
      { name: 'order_notional', label: 'One order', hint: 'The most a single order may be worth.', kind: 'money' },
      {
        name: 'instrument_notional',
        label: 'One instrument',
        hint: 'The most that may be on in one coin, long or short.',
        kind: 'money',
        used: (usage) => usage.instrument_notional,
      },
      {
        name: 'sleeve_notional',
        label: 'One position',
        hint: 'The most one position may be worth, long and short together.',
        kind: 'money',
        used: (usage) => usage.sleeve_notional,
      },
      {
        name: 'gross_notional',
        label: 'Everything together',
        hint: 'Long and short of all positions.',
        kind: 'money',
        userOnly: true,
        used: (usage) => usage.gross_notional,
      },
    ],
  },
  {
    title: 'Loss',
    fields: [
      {
        name: 'daily_loss',
        label: 'Loss in a day',
        hint: 'After fees and funding, from 00:00 UTC. Beyond it nothing new is opened until the next day.',
        kind: 'money',
        used: (usage) => usage.daily_loss,
      },
      {
        name: 'drawdown',
        label: 'Drawdown',
        hint: 'Below the highest value since the limit was set.',
        kind: 'share',
        used: (usage) => usage.drawdown,
      },
    ],
  },
  {
    title: 'Conduct',
    fields: [
      {
        name: 'orders_per_minute',
        label: 'Orders in a minute',
        hint: 'More are refused, whoever asks for them.',
        kind: 'count',
        used: (usage) => String(usage.orders_per_minute),
      },
      {
        name: 'price_band',
        label: 'Price band',
        hint: 'No order further from the venue’s index price than this.',
        kind: 'share',
      },
    ],
  },
]

export const SUFFIX = { money: 'USDT', share: '%', count: 'orders' } as const

/** A limit as it stands in its input: shares in percent. */
export function typedOf(field: LimitField, value: string | number | null | undefined): string {
  if (value == null) return ''
  return field.kind === 'share' ? movePoint(String(value), 2) : String(value)
}

/** A limit as people read it, without its unit. */
export function shown(field: LimitField, value: string | number): string {
  if (field.kind === 'money') return money(value, Number(value) >= 1000 ? 0 : 2)
  return field.kind === 'share' ? money(movePoint(String(value), 2), 1) : money(value, 0)
}

/** What is wrong with what was typed, or undefined. Nothing typed is no limit of one's own. */
export function problemOf(field: LimitField, typed: string, ceiling: string | number | null): string | undefined {
  const text = cleanAmount(typed)
  if (text === '') return undefined
  if (field.kind === 'count' && !/^\d+$/.test(text)) return 'Enter a whole number, such as 60.'
  const wrong = amountProblem(text)
  if (wrong === 'not-positive') return 'Must be above zero. To trade nothing at all, use Stop.'
  const fine = field.kind === 'share' && !/\.\d{5}/.test(text)
  if (wrong === 'too-precise' && !fine) return 'At most two decimals.'
  if (wrong && wrong !== 'too-precise') return `Enter a number in ${SUFFIX[field.kind]}.`
  if (field.kind === 'share' && compareAmounts(text, '100') > 0) return 'At most 100%.'
  if (ceiling !== null && compareAmounts(text, typedOf(field, ceiling)) > 0) {
    const unit = field.kind === 'share' ? '%' : ` ${SUFFIX[field.kind]}`
    return `At most ${shown(field, ceiling)}${unit}: more is not allowed here.`
  }
  return undefined
}

/** The limits as they are sent. Call it only when nothing is wrong. */
export function limitsOf(typed: Record<LimitName, string>, kinds: LimitField[], before: Limits): Limits {
  const limits = { ...before }
  for (const { name, kind } of kinds) {
    const text = cleanAmount(typed[name])
    if (name === 'orders_per_minute') limits[name] = text === '' ? null : Number(text)
    else limits[name] = text === '' ? null : kind === 'share' ? movePoint(text, -2) : text
  }
  return limits
}
