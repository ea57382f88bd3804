import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { scriptQuery } from '@/features/scripts/queries'
import { ScriptInputs } from '@/features/scripts/ScriptInputs'
import type { InputValue, Typed } from '@/features/scripts/scriptInputs'
import { typedOf } from '@/features/scripts/scriptInputs'
import { Notice, ProblemNotice, Skeleton } from '@/ui/States'

/** The chosen script with what stands in its form; undefined until it is known. */
export function useScript(scriptId: string, given: Record<string, InputValue>, typed: Typed | null) {
  const query = useQuery({ ...scriptQuery(scriptId), enabled: scriptId !== '' })
  const script = scriptId === '' ? undefined : query.data
  return { ...query, script, typed: script ? (typed ?? typedOf(script.inputs, given)) : {} }
}

/** The inputs of a chosen script, and which version of it is meant. */
export function ScriptParts({
  chosen,
  showProblems,
  onType,
}: {
  chosen: ReturnType<typeof useScript>
  showProblems: boolean
  onType: (typed: Typed) => void
}) {
  const { script, typed, error, refetch, isFetching } = chosen
  if (error && !script) return <ProblemNotice error={error} retry={() => void refetch()} />
  if (!script) return isFetching ? <Skeleton className="h-18" label="Loading the script" /> : null
  return (
    <>
      {script.error && (
        <Notice kind="warning">
          The newest version has an error{script.error.line ? ` in line ${script.error.line}` : ''}:{' '}
          {script.error.message}
        </Notice>
      )}
      <ScriptInputs inputs={script.inputs} typed={typed} onChange={onType} showProblems={showProblems} />
      <p className="text-sm text-muted">
        Version {script.version}, the newest.{' '}
        <Link to="/scripts/$scriptId" params={{ scriptId: script.id }} className="underline underline-offset-4">
          Look at the script
        </Link>
      </p>
    </>
  )
}
