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
import { Notice, ProblemNotice } from '@/ui/States'

import { KeyGuide } from './KeyGuide'
import { ENVIRONMENT_WORDS } from './words'

type NewConnection = Required<Schemas['NewConnection']>
type Environment = NewConnection['environment']

export default function NewConnectionPage() {
  const system = useQuery(systemQuery).data
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
          {system && <KeyForm simulated={system.simulated} />}
        </section>
      </div>
    </Page>
  )
}

/** What is wrong with the entered key, by field. */
export function keyProblems(entered: Pick<NewConnection, 'label' | 'api_key' | 'api_secret'>) {
  const problems: { label?: string; api_key?: string; api_secret?: string } = {}
  if (entered.label.trim() === '') problems.label = 'Give it a name you will recognise, for example “Main account”.'
  if (!/^[A-Za-z0-9]{8,128}$/.test(entered.api_key.trim())) {
    problems.api_key = 'An API key is 8 or more letters and digits. Copy it again from Bybit.'
  }
  if (!/^\S{8,256}$/.test(entered.api_secret.trim())) {
    problems.api_secret = 'The secret has 8 or more characters and no spaces. Bybit shows it only once.'
  }
  return problems
}

function KeyForm({ simulated }: { simulated: boolean }) {
  const [entered, setEntered] = useState({ label: '', api_key: '', api_secret: '' })
  const [environment, setEnvironment] = useState<Environment>(simulated ? 'simulated' : 'live')
  const [problems, setProblems] = useState<ReturnType<typeof keyProblems>>({})
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
    const found = keyProblems(entered)
    setProblems(found)
    if (Object.keys(found).length > 0) return
    connect.mutate({
      venue: 'bybit',
      environment,
      label: entered.label.trim(),
      api_key: entered.api_key.trim(),
      api_secret: entered.api_secret.trim(),
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
      <Field
        label="API key"
        autoComplete="off"
        spellCheck={false}
        className="[&_input]:font-mono"
        value={entered.api_key}
        error={problems.api_key}
        onChange={(event) => change({ api_key: event.target.value })}
      />
      <Field
        label="API secret"
        type="password"
        autoComplete="off"
        className="[&_input]:font-mono"
        value={entered.api_secret}
        error={problems.api_secret}
        hint="Sealed at once. Only the process that places orders can open it, and it is never shown again."
        onChange={(event) => change({ api_secret: event.target.value })}
      />
      {connect.error && <ProblemNotice error={connect.error} />}
      <Button type="submit" kind="primary" busy={connect.isPending}>
        Connect and check
      </Button>
    </form>
  )
}
