import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import { useRef, useState } from 'react'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { systemQuery } from '@/features/system/queries'
import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { Choice, Field } from '@/ui/Field'
import { Page } from '@/ui/Layout'
import { Notice, ProblemNotice, SkeletonRows } from '@/ui/States'

import { KeyFields, keyProblems, NO_KEY, trimmed } from './KeyFields'
import { KeyGuide } from './KeyGuide'
import { ENVIRONMENT_WORDS } from './words'

type NewConnection = Required<Schemas['NewConnection']>
type Environment = NewConnection['environment']

export default function NewConnectionPage() {
  const { data: system, error, refetch } = useQuery(systemQuery)
  return (
    <Page title="Connect Bybit" above={<Link to="/connections">← All connections</Link>}>
      <div className="grid gap-14 lg:grid-cols-[minmax(0,1fr)_400px] lg:gap-20">
        <KeyGuide />
        <section aria-label="Your key">
          <h2 className="mb-5 text-lg">Your key</h2>
          {system?.simulated && (
            <Notice className="mb-6">
              This is demo mode: only keys of the simulated venue work here. Your demo account already has one.
            </Notice>
          )}
          {error && !system && <ProblemNotice error={error} retry={() => void refetch()} />}
          {!system && !error && <SkeletonRows label="Loading" />}
          {system && <KeyForm simulated={system.simulated} />}
        </section>
      </div>
    </Page>
  )
}

const NO_NAME = 'Give it a name you will recognise, for example “Main account”.'

function KeyForm({ simulated }: { simulated: boolean }) {
  const [entered, setEntered] = useState({ label: '', ...NO_KEY })
  const [environment, setEnvironment] = useState<Environment>(simulated ? 'simulated' : 'live')
  const [problems, setProblems] = useState<Partial<typeof entered>>({})
  const intent = useRef(randomKey())
  const client = useQueryClient()
  const navigate = useNavigate()
  const connect = useMutation({
    mutationFn: (body: NewConnection) =>
      answer(api.POST('/api/connections', { params: { header: { 'idempotency-key': intent.current } }, body })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['connections'] })
      await navigate({ to: '/connections' })
    },
  })

  /** Another key is another intent; the same one sent again is a retry. */
  function change(next: Partial<typeof entered>) {
    intent.current = randomKey()
    setEntered({ ...entered, ...next })
    setProblems({})
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    const found = { ...(entered.label.trim() ? {} : { label: NO_NAME }), ...keyProblems(entered) }
    setProblems(found)
    if (Object.keys(found).length > 0) return
    connect.mutate({
      venue: 'bybit',
      environment,
      label: entered.label.trim(),
      ...trimmed(entered),
    })
  }

  const environments: Environment[] = simulated ? ['simulated'] : ['live', 'testnet', 'demo']
  return (
    <form noValidate onSubmit={submit} className="flex flex-col gap-5">
      <Field
        label="Name"
        autoComplete="off"
        maxLength={60}
        placeholder="Main account"
        value={entered.label}
        error={problems.label}
        onChange={(event) => change({ label: event.target.value })}
      />
      <Choice
        label="Environment"
        value={environment}
        onChange={(event) => {
          intent.current = randomKey()
          setEnvironment(event.target.value as Environment)
        }}
        options={environments.map((each) => ({ value: each, label: ENVIRONMENT_WORDS[each] ?? each }))}
      />
      <KeyFields entered={entered} problems={problems} onChange={change} />
      {connect.error && <ProblemNotice error={connect.error} />}
      <Button type="submit" kind="primary" busy={connect.isPending}>
        Connect and check
      </Button>
    </form>
  )
}
