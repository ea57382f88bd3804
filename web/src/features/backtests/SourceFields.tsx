import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleAlert } from 'lucide-react'
import { useId } from 'react'

import { useOwnData } from '@/features/chart/own/useOwnData'
import { scriptsQuery } from '@/features/scripts/queries'
import { Button } from '@/ui/Button'
import { Choice } from '@/ui/Field'
import { EmptyState, ProblemNotice, Skeleton } from '@/ui/States'

/** One of the user's scripts. */
export function ScriptField({
  scriptId,
  onChoose,
  problem,
}: {
  scriptId: string
  onChoose: (id: string) => void
  problem: string | undefined
}) {
  const { data, error, refetch } = useQuery(scriptsQuery)
  if (error && !data) return <ProblemNotice error={error} retry={() => void refetch()} />
  if (!data) return <Skeleton className="h-18" label="Loading your scripts" />
  if (data.length === 0) {
    return (
      <EmptyState
        title="No script yet"
        text="A script says when to buy and sell. Begin with one of the examples and change it."
        action={
          <Button asChild>
            <Link to="/scripts">Go to scripts</Link>
          </Button>
        }
      />
    )
  }
  return (
    <OneOf
      label="Script"
      nothing="Choose a script"
      value={scriptId}
      options={data.map(({ id, name }) => ({ value: id, label: name }))}
      onChoose={onChoose}
      problem={problem}
    />
  )
}

/** One of the user's own lists of signals; with it the series they are shown on. */
export function SignalsField({
  datasetId,
  onChoose,
  problem,
}: {
  datasetId: string
  onChoose: (id: string, series: string) => void
  problem: string | undefined
}) {
  const { signals, known, error, retry } = useOwnData()
  if (error) return <ProblemNotice error={error} retry={retry} />
  if (!known) return <Skeleton className="h-18" label="Loading your signals" />
  if (signals.length === 0) {
    return (
      <EmptyState
        title="No signals yet"
        text="Upload a CSV file with times and buy, sell, long, short or exit. It is traded as it stands."
        action={
          <Button asChild>
            <Link to="/data">Go to your data</Link>
          </Button>
        }
      />
    )
  }
  return (
    <OneOf
      label="Signals"
      nothing="Choose signals"
      value={datasetId}
      options={signals.map(({ id, name }) => ({ value: id, label: name }))}
      onChoose={(id) => onChoose(id, signals.find((each) => each.id === id)?.series ?? '')}
      problem={problem}
    />
  )
}

function OneOf({
  label,
  nothing,
  value,
  options,
  onChoose,
  problem,
}: {
  label: string
  nothing: string
  value: string
  options: { value: string; label: string }[]
  onChoose: (value: string) => void
  problem: string | undefined
}) {
  const told = useId()
  const known = options.some((each) => each.value === value)
  return (
    <div>
      <Choice
        label={label}
        value={known ? value : ''}
        onChange={(event) => onChoose(event.target.value)}
        options={known ? options : [{ value: '', label: nothing }, ...options]}
        {...(problem ? { 'aria-invalid': true, 'aria-describedby': told } : {})}
      />
      {problem && (
        <p id={told} role="alert" className="mt-1.5 flex gap-1.5 text-sm text-error">
          <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
          {problem}
        </p>
      )}
    </div>
  )
}
