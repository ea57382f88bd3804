import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { problemWords } from '@/api/problem'
import { Progress } from '@/features/datasets/Progress'
import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { toast } from '@/ui/toasts'

import { cancelBacktest } from './queries'
import type { Backtest } from './types'
import { count, stageWords } from './words'

/** How far it is. It goes on while one is elsewhere. */
export function Running({ backtest }: { backtest: Backtest }) {
  const client = useQueryClient()
  const [key] = useState(randomKey)
  const cancel = useMutation({
    mutationFn: () => cancelBacktest(backtest.id, key),
    onSuccess: () => client.invalidateQueries({ queryKey: ['backtest', backtest.id] }),
    onError: (error) => toast(problemWords(error)),
  })
  const { stage, done, total } = backtest.progress
  return (
    <div className="max-w-md space-y-5">
      <Progress
        label={stageWords(backtest.state === 'queued' ? 'queued' : stage)}
        share={backtest.state === 'running' && total > 0 ? done / total : undefined}
      />
      {stage === 'history' && total > 0 && (
        <p className="tnum text-sm text-muted">
          {count(done)} of {count(total)} bars of one minute. They stay here: the next run has them at once.
        </p>
      )}
      <p className="text-sm text-muted">You may leave this page: the work goes on, and the result stays in the list.</p>
      <Button busy={cancel.isPending} onClick={() => cancel.mutate()}>
        Cancel
      </Button>
    </div>
  )
}

/** Why there is no result. */
export function Ended({ backtest }: { backtest: Backtest }) {
  const { error, source, state } = backtest
  if (state === 'cancelled') return <p className="text-muted">It was cancelled before there was a result.</p>
  return (
    <div role="alert" className="border-l-2 border-error py-1 pl-4">
      <p className="font-medium">It failed{error?.line ? ` in line ${error.line} of the script` : ''}.</p>
      <p className="break-words whitespace-pre-wrap">{error?.message ?? 'No reason was given.'}</p>
      {source.kind === 'script' && !source.deleted && error && error.kind !== 'limit' && (
        <p className="mt-2">
          <Link
            to="/scripts/$scriptId"
            params={{ scriptId: source.script_id }}
            className="underline underline-offset-4"
          >
            Look at the script
          </Link>
        </p>
      )}
    </div>
  )
}
