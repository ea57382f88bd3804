import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import type { FormEvent } from 'react'
import { useState } from 'react'

import { session } from '@/api/session'
import { TryDemo } from '@/features/account/TryDemo'
import { canTrade, useConnections } from '@/features/connections/queries'
import type { IndexDetail } from '@/features/indices/queries'
import { overviewQuery } from '@/features/overview/queries'
import { amountProblem, cleanAmount, compareAmounts, money } from '@/lib/numbers'
import { useStore } from '@/lib/store'
import { Button } from '@/ui/Button'
import { Choice, Field } from '@/ui/Field'
import { Segmented } from '@/ui/Segmented'
import { ProblemNotice, Skeleton } from '@/ui/States'

import type { Plan } from './queries'
import { usePreview } from './queries'
import { USUAL } from './tactics'

/** The amount step: long or short, and how much. Always 1x. */
export function Ticket({ index }: { index: IndexDetail }) {
  const signedIn = useStore(session).status === 'in'
  const connections = useConnections(signedIn)
  const able = connections.data?.filter(canTrade) ?? []
  return (
    <>
      <h2 className="mb-5 text-lg">Trade {index.symbol}</h2>
      {!signedIn && <Invitation />}
      {signedIn && connections.isPending && <Skeleton className="h-64" label="Loading your accounts" />}
      {signedIn && connections.error && (
        <ProblemNotice error={connections.error} retry={() => void connections.refetch()} />
      )}
      {signedIn && connections.data && able.length === 0 && <NoConnection />}
      {able.length > 0 && <TicketForm index={index} connections={able} />}
    </>
  )
}

function Invitation() {
  return (
    <div className="flex flex-col gap-4">
      <p className="text-muted">Sign in to put this index on from your own exchange account.</p>
      <TryDemo size="medium" />
      <Button asChild>
        <Link to="/sign-in">Sign in</Link>
      </Button>
    </div>
  )
}

function NoConnection() {
  return (
    <div className="flex flex-col items-start gap-4">
      <p className="text-muted">Connect your exchange account first. Your keys stay yours, and cannot withdraw.</p>
      <Button kind="primary" asChild>
        <Link to="/connections/new">Connect Bybit</Link>
      </Button>
    </div>
  )
}

const AMOUNT_WORDS = {
  empty: 'Enter a size in USDT.',
  'not-a-number': 'Enter the size in digits, for example 1000 or 1,000.50.',
  'not-positive': 'The size must be above zero.',
  'too-precise': 'USDT sizes have at most two decimals.',
  'too-large': 'That is more than can be traded. Enter a smaller size.',
} as const

/** What is wrong with the typed size for this index, in words; undefined when nothing is. */
export function sizeProblem(typed: string, minimum: string | undefined): string | undefined {
  const problem = amountProblem(typed)
  if (problem) return AMOUNT_WORDS[problem]
  if (minimum !== undefined && compareAmounts(cleanAmount(typed), minimum) < 0) {
    return `This index needs at least ${money(minimum)} USDT.`
  }
  return undefined
}

function TicketForm({
  index,
  connections,
}: {
  index: IndexDetail
  connections: { id: string; label: string; environment: string }[]
}) {
  const search = useSearch({ from: '/indices/$indexId' })
  const [direction, setDirection] = useState<Plan['direction']>(search.direction ?? 'long')
  const [size, setSize] = useState(search.size ?? '')
  const [chosen, setChosen] = useState(search.connection)
  const [error, setError] = useState<string>()
  const accounts = useQuery(overviewQuery).data?.accounts
  const preview = usePreview()
  const navigate = useNavigate()
  const minimum = index.minimum?.size
  /** An address may name an account that is there no more. */
  const connectionId = (connections.find((each) => each.id === chosen) ?? connections[0])?.id ?? ''
  const available = accounts?.find((each) => each.connection_id === connectionId)?.available

  async function submit(event: FormEvent) {
    event.preventDefault()
    const problem = sizeProblem(size, minimum)
    setError(problem)
    if (problem) return
    const plan = await preview
      .mutateAsync({
        kind: 'open',
        connection_id: connectionId,
        index_id: index.id,
        direction,
        size: cleanAmount(size),
        tactic: USUAL,
      })
      .catch(() => null)
    if (plan) await navigate({ to: '/plans/$planId', params: { planId: plan.id } })
  }

  return (
    <form noValidate onSubmit={(event) => void submit(event)} className="flex flex-col gap-5">
      {index.kind === 'ratio' && (
        <Segmented
          label="Direction"
          wide
          value={direction}
          onChange={setDirection}
          segments={[
            { value: 'long', label: 'Long' },
            { value: 'short', label: 'Short' },
          ]}
        />
      )}
      <p className="-mt-2 text-sm text-muted">{meaning(index, direction)}</p>
      <Field
        label="Size"
        large
        suffix="USDT"
        inputMode="decimal"
        autoComplete="off"
        placeholder="1,000"
        value={size}
        error={error}
        onChange={(event) => {
          setSize(event.target.value)
          setError(undefined)
        }}
        hint={
          <>
            {available != null && <span className="block">Available {money(available)} USDT</span>}
            {index.minimum && (
              <span className="block">
                At least {money(index.minimum.size)} USDT. {index.minimum.reason}
              </span>
            )}
          </>
        }
      />
      {connections.length > 1 && (
        <Choice
          label="Account"
          value={connectionId}
          onChange={(event) => setChosen(event.target.value)}
          options={connections.map((each) => ({ value: each.id, label: `${each.label} (${each.environment})` }))}
        />
      )}
      {preview.error && <ProblemNotice error={preview.error} />}
      <Button
        type="submit"
        kind="primary"
        busy={preview.isPending}
        disabled={index.stale_reason !== '' || index.level === null}
      >
        Preview orders
      </Button>
      <p className="text-xs text-muted">
        Leverage is always 1x. Nothing is sent before you have seen every order and confirmed.
      </p>
    </form>
  )
}

function meaning(index: IndexDetail, direction: Plan['direction']): string {
  if (index.kind === 'basket') return 'You gain when the basket rises.'
  return `You gain when ${index.symbol} ${direction === 'long' ? 'rises' : 'falls'}.`
}
