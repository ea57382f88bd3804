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

/** What the search for values from the future came to, in a sentence. */
export function searchWords({ state, runs, bars, complete, series }: Findings): string {
  if (state === 'unchecked') return 'Not yet searched for values from the future.'
  const bar = series === null ? 'made-up bars' : 'bars'
  const end = complete ? '' : ' Time ran out before the end.'
  const looked = `${count(runs)} runs over ${count(bars)} ${bar} were compared.${end}`
  return state === 'clean' ? `No value was seen to come from the future. ${looked}` : looked
}

export function findingWhere({ time }: Finding): string {
  return time === null ? '' : `First at ${utcMinute(time)} UTC.`
}

/** What a list says of a script in a word; '' where all is well. */
export function stateWords({ error, findings }: Pick<ScriptSummary, 'error' | 'findings'>): string {
  if (error) return 'Does not run'
  return findings.state === 'suspect' ? 'Looks into the future' : ''
}
