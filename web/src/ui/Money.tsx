import clsx from 'clsx'
import type { ReactNode } from 'react'

import * as numbers from '@/lib/numbers'

const DIRECTIONS = {
  '1': { arrow: '▲', colour: 'text-up' },
  '0': { arrow: '', colour: 'text-muted' },
  '-1': { arrow: '▼', colour: 'text-down' },
} as const

/** The direction of what is shown: a change too small to be seen has none. */
function directionOf(value: string | number, shown: string) {
  const sign = /[1-9]/.test(shown) ? numbers.signOf(value) : 0
  return DIRECTIONS[String(sign) as keyof typeof DIRECTIONS]
}

/** Shown wherever a number has not arrived. */
export function NoValue() {
  return (
    <span className="text-muted">
      <span aria-hidden>–</span>
      <span className="sr-only">not available</span>
    </span>
  )
}

interface MoneyProps {
  value: string | null | undefined
  unit?: string
  digits?: number
  /** The one big number of a page: its unit steps back. */
  big?: boolean
  className?: string
}

/** An amount of money, "1,234.50 USDT". */
export function Money({ value, unit = '', digits = 2, big = false, className }: MoneyProps) {
  if (value == null) return <NoValue />
  return (
    <span className={clsx('tnum whitespace-nowrap', className)} title={`${value}${unit && ` ${unit}`}`}>
      {numbers.money(value, digits)}
      {unit && <span className={clsx('text-muted', big && 'text-lg font-normal tracking-normal')}> {unit}</span>}
    </span>
  )
}

interface DeltaProps {
  value: string | number | null | undefined
  /** `share` shows 0.01 as 1.00%; `money` as 0.01. */
  as?: 'money' | 'share'
  digits?: number
  unit?: string
  big?: boolean
  className?: string
}

/** A change: colour, sign and arrow, never colour alone. */
export function Delta({ value, as = 'share', digits = 2, unit = '', big = false, className }: DeltaProps) {
  if (value == null) return <NoValue />
  const text = as === 'share' ? numbers.signedPercent(value, digits) : numbers.signedMoney(value, digits)
  const { arrow, colour } = directionOf(value, text)
  return (
    <span className={clsx('tnum whitespace-nowrap', colour, className)}>
      {arrow && (
        <span aria-hidden className={clsx('mr-1', big ? 'align-middle text-[0.45em]' : 'text-[0.7em]')}>
          {arrow}
        </span>
      )}
      {text}
      {unit && <span className={clsx(big && 'text-lg font-normal tracking-normal text-muted')}> {unit}</span>}
    </span>
  )
}

/** A signed weight: colour and sign. It is no change, so it has no arrow. */
export function Weight({ value, digits = 2 }: { value: number | null; digits?: number }) {
  if (value === null) return <NoValue />
  const text = numbers.signedPercent(value, digits)
  return <span className={clsx('tnum', directionOf(value, text).colour)}>{text}</span>
}

/** A price as precise as it needs to be; the exact value on hover and for screen readers when shortened. */
export function Price({ value }: { value: string | number | null | undefined }) {
  if (value == null) return <NoValue />
  const text = numbers.price(value)
  if (!/[₀-₉]/.test(text)) return <Plain title={String(value)}>{text}</Plain>
  return (
    <Plain title={String(value)}>
      <span aria-hidden>{text}</span>
      <span className="sr-only">{String(value)}</span>
    </Plain>
  )
}

export function Quantity({ value, unit }: { value: string; unit?: string }) {
  return (
    <Plain title={value}>
      {numbers.quantity(value)}
      {unit && <span className="text-muted"> {unit}</span>}
    </Plain>
  )
}

function Plain({ title, children }: { title: string; children: ReactNode }) {
  return (
    <span className="tnum whitespace-nowrap" title={title}>
      {children}
    </span>
  )
}
