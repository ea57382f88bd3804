import { isOwn } from '@/features/chart/engine/spec'
import { symbolWords } from '@/features/chart/words'

import type { Dataset } from './queries'
import { minute } from './words'

/** What bars are called, by their series; those of one name are told apart by when they were added. */
export function namesOf(bars: readonly Dataset[]): ReadonlyMap<string, string> {
  const named = ({ name }: Dataset) => bars.filter((each) => each.name === name).length
  return new Map(
    bars.map((each) => [each.series, named(each) > 1 ? `${each.name}, added ${minute(each.created_at)}` : each.name]),
  )
}

/** A series as a person reads it: own data by its name, if that is known, and never by its id. */
export function seriesShown(series: string, name: string | undefined): string {
  return name ?? (isOwn(series) ? symbolWords(series) : series)
}

/** The series that was typed, which may be the name of own data. */
export function seriesMeant(typed: string, names: ReadonlyMap<string, string>): string {
  const wanted = typed.trim()
  const own = [...names].find(([, name]) => name.toLowerCase() === wanted.toLowerCase())
  return own?.[0] ?? wanted
}
