/**
 * The only place where numbers become text. Money arrives as a decimal string and is never turned into a
 * float: Intl formats the string exactly. Statistics (levels, shares, weights) are floats.
 */

export const MINUS = '\u2212'
const LOCALE = 'en-US'

type Numeric = string | number
type Style = Omit<Intl.NumberFormatOptions, 'style'> & { style?: 'percent' }

const formatters = new Map<string, Intl.NumberFormat>()

function format(value: Numeric, options: Style): string {
  const key = JSON.stringify(options)
  let formatter = formatters.get(key)
  if (!formatter) {
    formatter = new Intl.NumberFormat(LOCALE, { signDisplay: 'negative', ...options })
    formatters.set(key, formatter)
  }
  return formatter.format(value as Intl.StringNumericLiteral).replace('-', MINUS)
}

/** The sign of a decimal string or number without arithmetic: "-0.00" is 0. */
export function signOf(value: Numeric): -1 | 0 | 1 {
  const text = String(value)
  if (!/[1-9]/.test(text.split(/e/i)[0] ?? '')) return 0
  return text.startsWith('-') ? -1 : 1
}

/** "1234.5" → "1,234.50". */
export function money(value: Numeric, digits = 2): string {
  return format(value, { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** As {@link money} with an explicit sign: "+1,234.50", "−3.00", "0.00". */
export function signedMoney(value: Numeric, digits = 2): string {
  return format(value, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: 'exceptZero',
  })
}

/** 1234567890 → "1.23B". For market caps and volumes. */
export function compact(value: Numeric, least = 0): string {
  return format(value, { notation: 'compact', minimumFractionDigits: least, maximumFractionDigits: 2 })
}

/** The exact quantity, grouped, with all decimals it came with. */
export function quantity(value: string): string {
  return format(value, { maximumFractionDigits: 20 })
}

const SUBSCRIPT = '₀₁₂₃₄₅₆₇₈₉'

/** A price with as many decimals as it needs; tiny ones as 0.0₅123 (five zeros, then 123). */
export function price(value: Numeric): string {
  const text = typeof value === 'number' ? plainNumber(value) : value
  const tiny = /^(-?)0?\.(0{4,})(\d{1,4})/.exec(text)
  if (tiny?.[2] && tiny[3]) {
    const zeros = [...String(tiny[2].length)].map((digit) => SUBSCRIPT[Number(digit)]).join('')
    return `${tiny[1] ? MINUS : ''}0.0${zeros}${tiny[3]}`
  }
  const whole = /^-?(\d*)/.exec(text)?.[1] ?? ''
  if (Number(whole) >= 1000) return money(value, 2)
  if (Number(whole) >= 1) return format(text, { minimumFractionDigits: 2, maximumFractionDigits: 4 })
  const zeros = /^-?0?\.(0*)/.exec(text)?.[1]?.length ?? 0
  return format(text, { minimumFractionDigits: 2, maximumFractionDigits: zeros + 5 })
}

/** A float as a plain decimal string, as the API takes it: no exponent, no grouping. */
export function plainNumber(value: number): string {
  return new Intl.NumberFormat('en-US', { maximumSignificantDigits: 12, useGrouping: false }).format(value)
}

/** 0.1234 → "12.34%". */
export function percent(share: Numeric, digits = 2): string {
  return format(share, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** Above 100,000% nobody reads digits. */
const HUGE_SHARE = 1_000

/** 0.0123 → "+1.23%"; what is huge is shortened: 48840 → "+4.88M%". */
export function signedPercent(share: Numeric, digits = 2): string {
  const huge = Math.abs(Number(share)) >= HUGE_SHARE
  return format(share, {
    style: 'percent',
    ...(huge ? { notation: 'compact', maximumFractionDigits: 2 } : fixed(digits)),
    signDisplay: 'exceptZero',
  })
}

const fixed = (digits: number) => ({ minimumFractionDigits: digits, maximumFractionDigits: digits })

/** A value of an indicator with the digits its size asks for: "1.23M", "54.31", "0.00412". */
export function plotValue(value: number): string {
  const size = Math.abs(value)
  if (size >= 100_000) return compact(value)
  return size >= 1 || size === 0 ? money(value, 2) : format(value, { maximumSignificantDigits: 3 })
}

export type LevelUnit = '%' | 'ratio' | 'points'

/** An index level in its unit: "58.213%", "0.035120", "1,023.45". */
export function level(value: number, unit: LevelUnit): string {
  switch (unit) {
    case '%':
      return `${money(value, 3)}%`
    case 'ratio':
      return money(value, 6)
    case 'points':
      return money(value, 2)
  }
}

const AMOUNT = /^(?:0|[1-9]\d{0,11})(?:\.\d{1,2})?$/

export type AmountProblem = 'empty' | 'not-a-number' | 'not-positive' | 'too-precise' | 'too-large'

/** What is wrong with a typed USDT amount, or null. Grouping commas and spaces are accepted. */
export function amountProblem(typed: string): AmountProblem | null {
  const text = cleanAmount(typed)
  if (text === '') return 'empty'
  if (/^-/.test(text) || (/^[0.]+$/.test(text) && /0/.test(text))) return 'not-positive'
  if (!isDecimal(text)) return 'not-a-number'
  if (/\.\d{3,}$/.test(text)) return 'too-precise'
  return AMOUNT.test(text.replace(/^0+(?=\d)/, '').replace(/\.$/, '')) ? null : 'too-large'
}

const GROUPED = /^-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?$/

/** The amount as the API takes it: a plain decimal string. A comma that groups no thousands stays: "0,5" is not 5. */
export function cleanAmount(typed: string): string {
  const text = typed.trim().replace(/[\s\u00a0_]/g, '')
  const plain = GROUPED.test(text) ? text.replaceAll(',', '') : text
  return plain.replace(/^\./, '0.').replace(/\.$/, '')
}

/** Whether a cleaned amount is a decimal number at all. */
export const isDecimal = (amount: string) => /^-?\d+(?:\.\d+)?$/.test(amount)

/** The decimal string with its point moved: "0.125" by 2 → "12.5", "5" by −2 → "0.05"; exact. */
export function movePoint(value: string, places: number): string {
  const [whole = '', fraction = ''] = value.split('.')
  const digits = places > 0 ? whole + fraction.padEnd(places, '0') : whole.padStart(1 - places, '0') + fraction
  const point = places > 0 ? whole.length + places : Math.max(whole.length, 1 - places) + places
  const kept = digits.slice(point).replace(/0+$/, '')
  return `${digits.slice(0, point).replace(/^0+(?=\d)/, '') || '0'}${kept && `.${kept}`}`
}

/** −1, 0 or 1 as decimal string a is below, equal to or above b; exact. */
export function compareAmounts(a: string, b: string): -1 | 0 | 1 {
  const scale = Math.max(fractionOf(a), fractionOf(b))
  const [left, right] = [scaled(a, scale), scaled(b, scale)]
  if (left === right) return 0
  return left < right ? -1 : 1
}

/** Decimal string a less b; exact: "0.5" less "0.125" → "0.375". */
export function subtractAmounts(a: string, b: string): string {
  const scale = Math.max(fractionOf(a), fractionOf(b))
  const units = scaled(a, scale) - scaled(b, scale)
  const size = movePoint(String(units < 0n ? -units : units), -scale)
  return units < 0n ? `-${size}` : size
}

function fractionOf(value: string): number {
  return value.split('.')[1]?.length ?? 0
}

function scaled(value: string, scale: number): bigint {
  const [whole = '0', fraction = ''] = value.replace('-', '').split('.')
  const units = BigInt((whole || '0') + fraction.padEnd(scale, '0'))
  return value.startsWith('-') ? -units : units
}

/** Rows in the order of their weight, heaviest first. */
export function heaviestFirst<Row>(rows: readonly Row[], weight: (row: Row) => number): Row[] {
  return [...rows].sort((a, b) => Math.abs(weight(b)) - Math.abs(weight(a)))
}

/** A float for geometry only (bar lengths, the order of rows); never shown, never sent. */
export function forGeometry(value: string | null | undefined): number {
  return value ? Number(value) : 0
}
