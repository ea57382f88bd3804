import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'

import { ProblemError } from '@/api/problem'
import { isLive, useConnections } from '@/features/connections/queries'
import { Button } from '@/ui/Button'
import { Lines } from '@/ui/Layout'
import { Money } from '@/ui/Money'
import { ProblemNotice } from '@/ui/States'

import { ExpiryRing, useSecondsLeft } from './ExpiryRing'
import type { StepProps } from './PreviewStep'
import { orderCount } from './PreviewStep'
import type { Execution, Plan } from './queries'
import { executionOf, useExecute } from './queries'
import { reachWords } from './tactics'
import { capital, orders } from './words'

const CONSEQUENCES: Record<Plan['kind'], string> = {
  open: 'If a leg cannot be had, everything this opens is closed again.',
  close: 'Only what this position opened is closed. Your other positions stay untouched.',
  rebalance: 'Only the differences are traded. What cannot be had stays as it is, and the receipt says so.',
}

/** The sentence of what will happen, and the one button that makes it happen. */
export function ConfirmStep({ plan, renew, renewing }: StepProps) {
  const navigate = useNavigate()
  const connection = useConnections().data?.find((each) => each.id === plan.connection_id)
  const execute = useExecute(plan)
  const left = useSecondsLeft(plan)
  const count = orderCount(plan)
  const where = connection ? `${capital(connection.venue)} · ${isLive(connection) ? 'LIVE' : 'PAPER'}` : ''
  const refused = execute.error instanceof ProblemError && [409, 410].includes(execute.error.problem.status)
  const expired = refused || (left === 0 && !execute.isPending)
  /** Never a second plan beside one that was carried out: after a failure that is asked first. */
  const anew = useMutation({
    mutationFn: async () => (execute.error ? executionOf(plan) : undefined),
    onSuccess: (execution) => (execution ? follow(execution) : renew()),
  })
  const error = anew.error ?? execute.error

  const follow = ({ id }: Execution) =>
    navigate({ to: '/executions/$executionId', params: { executionId: id }, replace: true })

  async function place() {
    const execution = await execute.mutateAsync().catch(() => null)
    if (execution) await follow(execution)
  }

  return (
    <div className="max-w-[560px]">
      <p className="text-xl leading-8">
        {plan.kind === 'rebalance' ? 'Rebalance your' : `${capital(plan.kind)} a`} {plan.direction} position in{' '}
        {plan.index_name} of{' '}
        <strong className="font-semibold">
          <Money value={plan.size} unit="USDT" />
        </strong>{' '}
        by placing <strong className="font-semibold">{orders(count)}</strong>
        {connection && <> on your account “{connection.label}”</>}, {reachWords(plan)}.
      </p>
      <p className="mt-3 text-muted">{CONSEQUENCES[plan.kind]}</p>
      <Lines
        className="my-8 border-y border-hairline py-3"
        items={[
          {
            label: plan.kind === 'rebalance' ? 'Traded, bought and sold together' : 'Gross, long and short together',
            value: <Money value={plan.totals.gross} unit="USDT" />,
          },
          { label: 'Margin needed', value: <Money value={plan.totals.margin_needed} unit="USDT" /> },
          { label: 'Fees, about', value: <Money value={plan.totals.fees} unit="USDT" /> },
          { label: 'Slippage, about', value: <Money value={plan.totals.slippage} unit="USDT" /> },
        ]}
      />
      {error && <ProblemNotice error={error} className="mb-8" />}
      <div className="flex flex-wrap items-center gap-4">
        {expired ? (
          <Button kind="primary" busy={anew.isPending || renewing} onClick={() => anew.mutate()}>
            Get a new preview
          </Button>
        ) : (
          <Button kind="primary" busy={execute.isPending} disabled={!plan.executable} onClick={() => void place()}>
            {execute.error ? 'Try again' : `Place ${orders(count)}`}{' '}
            {where && <span className="font-normal opacity-80">on {where}</span>}
          </Button>
        )}
        <Button asChild kind="quiet">
          <Link to="/plans/$planId" params={{ planId: plan.id }} search={{}}>
            Back
          </Link>
        </Button>
        {!refused && <ExpiryRing plan={plan} />}
      </div>
    </div>
  )
}
