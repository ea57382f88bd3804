import { FINDING_WORDS, searchWords, worstOf } from '@/features/scripts/words'
import type { ScriptView } from '@/features/scripts/types'
import { Notice } from '@/ui/States'

/** Before a script runs: what the search for values from the future says against expecting a back-test's result. */
export function Doubts({ script: { error, findings } }: { script: ScriptView }) {
  if (error || findings.state === 'clean') return null
  if (findings.state === 'unchecked') {
    return (
      <Notice kind="warning">
        {searchWords(findings)} Open the script, check it and save it, or back-test it first.
      </Notice>
    )
  }
  return (
    <Notice kind="warning">
      {FINDING_WORDS[worstOf(findings)]}: {findings.findings?.map(({ text }) => text).join(' ')} Expect other results
      than a back-test shows.
    </Notice>
  )
}
