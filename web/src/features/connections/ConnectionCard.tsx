import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { answer, api } from '@/api/client'
import { IncidentMarks } from '@/features/incidents/IncidentMarks'
import { useBlockOf } from '@/features/incidents/queries'
import { capital } from '@/features/trade/words'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Facts } from '@/ui/Layout'
import { NoValue } from '@/ui/Money'
import { ProblemNotice } from '@/ui/States'
import { Time } from '@/ui/Time'

import { DeleteConnection } from './DeleteConnection'
import { Findings } from './Findings'
import type { Connection } from './queries'
import { ReplaceKey } from './ReplaceKey'
import { BLOCK_WORDS, CONNECTION_WORDS, ENVIRONMENT_WORDS } from './words'

const TONES = { checking: 'plain', active: 'strong', watch_only: 'plain', refused: 'error', failing: 'error' } as const

/** One account: what it may do, what the check of its key found, and how to remove it. */
export function ConnectionCard({ connection }: { connection: Connection }) {
  const [dialog, setDialog] = useState<'delete' | 'replace' | null>(null)
  const client = useQueryClient()
  const path = { connection_id: connection.id }
  const check = useMutation({
    mutationFn: () => answer(api.POST('/api/connections/{connection_id}/check', { params: { path } })),
    onSettled: () => client.invalidateQueries({ queryKey: ['connections'] }),
  })
  const close = () => setDialog(null)
  const checking = connection.state === 'checking'
  return (
    <li aria-label={connection.label} className="border-b border-hairline py-8">
      <div className="mb-5 flex flex-wrap items-center gap-3">
        <h2 className="text-xl">{connection.label}</h2>
        <State connection={connection} />
      </div>
      {connection.state_reason && <p className="mb-5 max-w-[64ch]">{connection.state_reason}</p>}
      <IncidentMarks
        of={(incident) => incident.connection_id === connection.id && incident.position_id === null}
        className="mb-5"
      />
      <Facts
        items={[
          { label: 'Venue', value: capital(connection.venue) },
          { label: 'Environment', value: ENVIRONMENT_WORDS[connection.environment] ?? connection.environment },
          { label: 'Key', value: <code className="font-mono text-base">{connection.key_hint}</code> },
          { label: 'Account number', value: connection.venue_uid || <NoValue /> },
          { label: 'Checked', value: <Time iso={connection.checked_at} /> },
          { label: 'Compared with the venue', value: <Time iso={connection.reconciled_at} /> },
          ...(connection.key_expires_at
            ? [{ label: 'Key expires', value: <Time iso={connection.key_expires_at} /> }]
            : []),
        ]}
      />
      <Findings findings={connection.checks} checking={checking} />
      {check.error && <ProblemNotice error={check.error} className="mt-4" />}
      <div className="mt-6 flex gap-3">
        <Button size="small" busy={check.isPending || checking} onClick={() => check.mutate()}>
          {checking ? 'Checking' : 'Check again'}
        </Button>
        <Button size="small" onClick={() => setDialog('replace')}>
          Replace key
        </Button>
        <Button size="small" kind="quiet" onClick={() => setDialog('delete')}>
          Delete
        </Button>
      </div>
      {dialog === 'replace' && <ReplaceKey connection={connection} onClose={close} />}
      {dialog === 'delete' && <DeleteConnection connection={connection} onClose={close} />}
    </li>
  )
}

function State({ connection: { id, state } }: { connection: Connection }) {
  const block = useBlockOf(id)
  if (state === 'active' && block) return <Badge tone="error">{BLOCK_WORDS[block]}</Badge>
  return <Badge tone={TONES[state]}>{CONNECTION_WORDS[state]}</Badge>
}
