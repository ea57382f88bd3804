import { count } from '@/features/datasets/words'
import { utcMinute } from '@/lib/times'

import type { Fault, Finding, Findings, ScriptSummary } from './types'

export const FAULT_WORDS: Record<Fault['kind'], string> = {
  syntax: 'This cannot be read',
  script: 'The script failed',
  limit: 'It took too much',
  refused: 'That is not allowed',
  result: 'What it gives does not fit',
}

export const FINDING_WORDS: Record<Finding['kind'], string> = {
  future: 'Looks into the future',
  random: 'Not the same twice',
  start: 'Depends on where the bars begin',
}

/** "Line 12: There is no such name." */
export function faultWords({ line, message }: Fault): string {
  return line === null ? message : `Line ${line}: ${message}`
}

const UNCHECKED = 'It was not searched for values from the future: what it shows may be too good.'
const UNFINISHED = 'The search for values from the future did not come to its end: what it shows may be too good.'

/** The worst of what was found in a suspect script. */
export function worstOf({ findings = [] }: Findings): Finding['kind'] {
  return findings.some(({ kind }) => kind === 'future') ? 'future' : (findings[0]?.kind ?? 'future')
}

/** What a suspect script means for who trusts it. */
export const DOUBT_WORDS: Record<Finding['kind'], string> = {
  future: 'A back-test of it would promise what nobody could have earned.',
  random: 'A back-test of it would be one of many.',
  start: 'A back-test of it depends on its first day.',
}

/** What the search for values from the future came to, in a sentence. */
export function searchWords({ state, runs, bars, complete, series }: Findings): string {
  if (state === 'unchecked') return runs > 0 ? UNFINISHED : UNCHECKED
  const bar = series === null ? 'made-up bars' : 'bars'
  const end = complete ? '' : ' Time ran out before the end.'
  const looked = `${count(runs)} runs over ${count(bars)} ${bar} were compared.${end}`
  return state === 'clean' ? `No value was seen to come from the future. ${looked}` : looked
}

export function findingWhere({ time }: Finding): string {
  return time === null ? '' : `First at ${utcMinute(time)} UTC.`
}

/** What a list says of a script in a word; null where all is well. */
export function stateWords({ error, findings }: Pick<ScriptSummary, 'error' | 'findings'>) {
  if (error) return { tone: 'error', words: 'Does not run' } as const
  if (findings.state === 'suspect') return { tone: 'error', words: FINDING_WORDS[worstOf(findings)] } as const
  return findings.state === 'unchecked' ? ({ tone: 'plain', words: 'Not searched' } as const) : null
}

const LONGEST_NAME = 80
const MINE = ' (mine)'

/** What a text is called that is saved beside the script it began as. */
export const copyName = (name: string) =>
  (name.trim() || 'My script').slice(0, LONGEST_NAME - MINE.length).trimEnd() + MINE
