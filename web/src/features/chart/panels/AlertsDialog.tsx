import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { useIsLive } from '@/api/live'
import { session } from '@/api/session'
import { useStore } from '@/lib/store'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Notice, ProblemNotice, SkeletonRows } from '@/ui/States'

import type { Alert } from '../alerts/model'
import { isWatchable } from '../alerts/model'
import { useAlerts } from '../alerts/queries'
import { AlertForm } from './AlertForm'
import { AlertRow, FiredRow } from './AlertRows'

/** All alerts, those that fired and when, and a form to set one. */
export default function AlertsDialog({
  series,
  price,
  onClose,
}: {
  series: string
  price: string
  onClose: () => void
}) {
  const signedIn = useStore(session).status === 'in'
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Alerts"
      description="You are told when a price is reached, on every page of Holdfast that is open."
    >
      {signedIn ? <Alerts series={series} price={price} onLeave={onClose} /> : <Visitor />}
    </Dialog>
  )
}

function Visitor() {
  return (
    <div className="flex flex-col items-start gap-4">
      <p>Alerts are kept with an account, and watched while the page is closed.</p>
      <Button kind="primary" asChild>
        <Link to="/sign-in" search={{ next: location.pathname + location.search }}>
          Sign in to set one
        </Link>
      </Button>
    </div>
  )
}

function Alerts({ series, price, onLeave }: { series: string; price: string; onLeave: () => void }) {
  const { data, error, refetch } = useAlerts()
  const live = useIsLive()
  const [editing, setEditing] = useState<Alert | null>(null)
  const here = (data?.alerts ?? []).filter((alert) => alert.series === series)
  const elsewhere = (data?.alerts ?? []).filter((alert) => alert.series !== series)
  return (
    <div className="flex flex-col gap-6">
      {!live && (
        <Notice kind="warning">
          The live connection is down. Your alerts are still watched; what fires meanwhile is said when it is back.
        </Notice>
      )}
      {editing || isWatchable(series) ? (
        <AlertForm
          key={editing?.id ?? 'new'}
          series={editing?.series ?? series}
          price={editing?.price ?? price}
          editing={editing}
          onDone={() => setEditing(null)}
        />
      ) : (
        <p className="text-muted">The prices of own data do not go on, so there is nothing to wait for.</p>
      )}
      {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
      {!error && !data && <SkeletonRows rows={2} label="Loading alerts" />}
      {data && (
        <>
          <Section
            title="On this chart"
            empty="No alerts yet. A right click or a long press on the chart sets one too."
          >
            {here.map((alert) => (
              <AlertRow key={alert.id} alert={alert} onEdit={setEditing} />
            ))}
          </Section>
          {elsewhere.length > 0 && (
            <Section title="On other charts">
              {elsewhere.map((alert) => (
                <AlertRow key={alert.id} alert={alert} onEdit={setEditing} onLeave={onLeave} />
              ))}
            </Section>
          )}
          <Section title="Fired" empty="None has fired yet.">
            {data.fired.map((fired) => (
              <FiredRow key={fired.id} fired={fired} />
            ))}
          </Section>
        </>
      )}
    </div>
  )
}

function Section({ title, empty = '', children }: { title: string; empty?: string; children: React.ReactNode[] }) {
  return (
    <section aria-label={title}>
      <h3 className="mb-1 text-sm font-semibold">{title}</h3>
      {children.length === 0 ? (
        <p className="text-sm text-muted">{empty}</p>
      ) : (
        <ul className="divide-y divide-hairline">{children}</ul>
      )}
    </section>
  )
}
