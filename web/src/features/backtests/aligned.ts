import { money } from '@/lib/numbers'

/** Numbers of one column with as many decimals as the most exact of them, so that their points stand in one line. */
export function aligned(values: readonly (string | null)[], words: (value: string) => string) {
  const texts = values.flatMap((value) => (value === null ? [] : [words(value)]))
  // Tiny prices are written in a way of their own.
  if (texts.some((text) => /[₀-₉]/.test(text))) return words
  const digits = Math.max(0, ...texts.map((text) => text.split('.')[1]?.length ?? 0))
  return (value: string) => money(value, digits)
}
