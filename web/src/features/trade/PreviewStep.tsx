import { Link } from '@tanstack/react-router'
import { RefreshCw, TriangleAlert } from 'lucide-react'

import { WeightShift } from '@/features/rebalance/WeightShift'
import { percent } from '@/lib/numbers'
import { Button } from '@/ui/Button'
import { Facts, Section } from '@/ui/Layout'
import { Money } from '@/ui/Money'
import { Notice } from '@/ui/States'
import { ServerWords } from '@/ui/ServerWords'

import { ExpiryRing, useSecondsLeft } from './ExpiryRing'
import { PlanLegs } from './PlanLegs'
import type { Plan } from './queries'
import { TacticPicker } from './TacticPicker'
import type { TacticWish } from './tactics'
import { orderSentence } from './tactics'
import { orders } from './words'

export interface StepProps {
  plan: Plan
  /** A new preview: of the same wish, or with orders sent in another way. */
  renew: (tactic?: TacticWish) => void
  renewing: boolean
}

const SIZES: Record<Plan['kind'], string> = {
  open: 'Size',
  close: 'Size being closed',
  rebalance: 'Size, which stays',
}

const GROSS_HINTS: Record<Plan['kind'], string> = {
  open: 'long and short together',
  close: 'long and short together',
  rebalance: 'bought and sold together',
}

/** How many orders a plan makes at least: a leg may be cut into several. */
export const orderCount = (plan: Plan): number =>
  plan.legs.reduce((sum, leg) => sum + (leg.action === 'trade' ? leg.slices : 0), 0)

/** Exactly what would be sent, before anything is. */
export function PreviewStep({ plan, renew, renewing }: StepProps) {
  const left = useSecondsLeft(plan)
  const { totals } = plan
  return (
    <>
      <div className="mb-8 flex flex-wrap items-center justify-between gap-4">
        <div>
          <p className="text-sm text-muted">{SIZES[plan.kind]}</p>
          <p className="text-3xl font-semibold">
            <Money value={plan.size} unit="USDT" big />
          </p>
        </div>
        <ExpiryRing plan={plan} />
      </div>
      {!plan.executable && (
        <Notice kind="warning" className="mb-8">
          <ServerWords>{plan.blocked_reason || 'This plan cannot be carried out.'}</ServerWords>
        </Notice>
      )}
      {plan.kind === 'rebalance' && (
        <Section title="Weights, now and after" className="!mt-0 mb-10">
          <WeightShift legs={plan.legs} />
        </Section>
      )}
      {orderCount(plan) > 0 && <TacticPicker plan={plan} choose={renew} choosing={renewing} />}
      <Facts
        className="mb-8"
        items={[
          { label: 'Orders', value: orderCount(plan) },
          { label: 'Gross', value: <Money value={totals.gross} />, hint: GROSS_HINTS[plan.kind] },
          {
            label: 'Margin needed',
            value: <Money value={totals.margin_needed} />,
            hint: totals.available !== null && (
              <>
                of <Money value={totals.available} /> available
              </>
            ),
          },
          { label: 'Fees, about', value: <Money value={totals.fees} /> },
          { label: 'Slippage, about', value: <Money value={totals.slippage} /> },
          {
            label: 'Tracking error',
            value: percent(totals.tracking_error),
            hint:
              totals.tracking_error_before != null ? (
                <>now {percent(totals.tracking_error_before)}</>
              ) : (
                <>
                  <Money value={totals.left_out} /> left out
                </>
              ),
          },
        ]}
      />
      <PlanLegs plan={plan} />
      <p className="mt-4 text-sm text-muted">Amounts in USDT. {orderSentence(plan)}</p>
      <Remarks warnings={plan.warnings} />
      <div className="sticky bottom-14 z-10 mt-8 flex gap-3 border-t border-hairline bg-canvas py-4 md:bottom-0">
        {left > 0 ? (
          <Button
            kind="primary"
            className="max-md:flex-1"
            disabled={!plan.executable || renewing}
            asChild={plan.executable && !renewing}
          >
            {plan.executable && !renewing ? (
              <Link to="/plans/$planId" params={{ planId: plan.id }} search={{ step: 'confirm' }}>
                Continue with {orders(orderCount(plan))}
              </Link>
            ) : (
              'Continue'
            )}
          </Button>
        ) : (
          <Button kind="primary" className="max-md:flex-1" busy={renewing} onClick={() => renew()}>
            Refresh preview
          </Button>
        )}
        {left > 0 && (
          <Button
            kind="quiet"
            className="max-md:px-3"
            aria-label="Refresh preview"
            busy={renewing}
            onClick={() => renew()}
          >
            <RefreshCw aria-hidden className="size-4" />
            <span className="max-md:hidden">Refresh preview</span>
          </Button>
        )}
      </div>
    </>
  )
}

/** What the planner wants known before anything is confirmed. */
function Remarks({ warnings }: { warnings: string[] }) {
  if (warnings.length === 0) return null
  return (
    <Section title="Before you confirm">
      <ul className="max-w-[72ch] space-y-3">
        {warnings.map((warning) => (
          <li key={warning} className="flex gap-3">
            <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-muted" />
            {warning}
          </li>
        ))}
      </ul>
    </Section>
  )
}
