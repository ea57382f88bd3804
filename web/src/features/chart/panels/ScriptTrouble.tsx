import { asProblem, ProblemError } from '@/api/problem'
import { isFinal } from '../data/again'

/** Why a script draws nothing, in its legend. What may pass by itself is told as of any indicator. */
export function ScriptTrouble({ error }: { error: unknown }) {
  if (error === null || !isFinal(error)) return null
  const { status, detail } = asProblem(error)
  const line = error instanceof ProblemError ? error.line : null
  const words = status === 404 ? 'This script is gone. Remove it here.' : `${line ? `Line ${line}: ` : ''}${detail}`
  return (
    <span role="alert" className="max-w-[60ch] break-words text-error">
      {words}
    </span>
  )
}
