import { Link, useParams } from '@tanstack/react-router'
import { ListTree } from 'lucide-react'

import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import { ProgressStep } from './ProgressStep'
import { isFinished, useExecution } from './queries'
import { Receipt } from './Receipt'
import { Steps } from './Steps'
import { flowTitle } from './words'

/** Progress while it runs, the receipt when it has ended. May be left and come back to. */
export default function ExecutionPage() {
  const { executionId } = useParams({ from: '/mine/executions/$executionId' })
  const { data: execution, error, refetch } = useExecution(executionId)
  if (!execution) {
    return (
      <Page title="Execution">
        {error ? <ProblemNotice error={error} retry={() => void refetch()} /> : <SkeletonRows rows={8} />}
      </Page>
    )
  }
  const finished = isFinished(execution)
  return (
    <Page
      title={flowTitle(execution)}
      actions={
        <Button asChild size="small">
          <Link to="/executions/$executionId/trace" params={{ executionId }} search={{}}>
            <ListTree aria-hidden className="size-4" />
            Timeline
          </Link>
        </Button>
      }
    >
      <Steps current={finished ? 'Receipt' : 'Progress'} withAmount={execution.kind === 'open'} />
      {error && !finished && <ProblemNotice error={error} retry={() => void refetch()} className="mb-8" />}
      {finished ? <Receipt execution={execution} /> : <ProgressStep execution={execution} />}
    </Page>
  )
}
