import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'

import { Page } from '@/ui/Layout'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import { ConfirmStep } from './ConfirmStep'
import { PreviewStep } from './PreviewStep'
import type { Plan } from './queries'
import { planQuery, requestOf, usePreview } from './queries'
import { Steps } from './Steps'
import type { TacticWish } from './tactics'
import { flowTitle } from './words'

/** Preview and confirm, both resumable by their address. */
export default function PlanPage() {
  const { planId } = useParams({ from: '/mine/plans/$planId' })
  const { step } = useSearch({ from: '/mine/plans/$planId' })
  const plan = useQuery(planQuery(planId))
  if (!plan.data) {
    return (
      <Page title="Preview" narrow>
        {plan.error ? (
          <ProblemNotice error={plan.error} retry={() => void plan.refetch()} />
        ) : (
          <SkeletonRows rows={8} />
        )}
      </Page>
    )
  }
  return <Flow plan={plan.data} confirming={step === 'confirm'} />
}

function Flow({ plan, confirming }: { plan: Plan; confirming: boolean }) {
  const navigate = useNavigate()
  const again = usePreview()

  async function renew(tactic?: TacticWish) {
    const fresh = await again.mutateAsync(requestOf(plan, tactic)).catch(() => null)
    if (!fresh) return
    await navigate({
      to: '/plans/$planId',
      params: { planId: fresh.id },
      replace: true,
      resetScroll: false,
      state: { keepFocus: true },
    })
  }

  const parts = { plan, renew: (tactic?: TacticWish) => void renew(tactic), renewing: again.isPending }
  return (
    <Page title={flowTitle(plan)} above={<BackTo plan={plan} />}>
      <Steps current={confirming ? 'Confirm' : 'Preview'} withAmount={plan.kind === 'open'} />
      {again.error && <ProblemNotice error={again.error} className="mb-8" />}
      {confirming ? <ConfirmStep {...parts} /> : <PreviewStep {...parts} />}
    </Page>
  )
}

/** Back to where the amount was chosen, with everything that was typed. */
function BackTo({ plan }: { plan: Plan }) {
  if (plan.kind !== 'open' && plan.position_id) {
    return (
      <Link to="/positions/$positionId" params={{ positionId: plan.position_id }}>
        ← Back to the position
      </Link>
    )
  }
  return (
    <Link
      to="/indices/$indexId"
      params={{ indexId: plan.index_id }}
      search={{ direction: plan.direction, size: plan.size, connection: plan.connection_id }}
    >
      ← Change the amount
    </Link>
  )
}
