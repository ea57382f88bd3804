import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'

import { TryDemo } from '@/features/account/TryDemo'
import { CoinGecko } from '@/features/indices/Attribution'
import { Level } from '@/features/indices/Level'
import { useIndices } from '@/features/indices/queries'
import { systemQuery } from '@/features/system/queries'
import { Button } from '@/ui/Button'
import { Delta } from '@/ui/Money'
import { Sparkline } from '@/ui/Sparkline'
import { ProblemNotice, Skeleton } from '@/ui/States'

const POINTS = [
  {
    title: 'An index in one click',
    text: 'Bitcoin dominance is eleven positions at once. Holdfast works out the weights and places every order side by side.',
  },
  {
    title: 'Nothing unseen',
    text: 'You see each order, its price, its fee and what it leaves open before anything is sent. What you saw is what is placed.',
  },
  {
    title: 'Your account, your coins',
    text: 'Trades happen on your own exchange account. A key that could withdraw or transfer is refused.',
  },
]

/** What it is, in one screen. */
export default function LandingPage() {
  const { data: system, error, refetch } = useQuery(systemQuery)
  useEffect(() => {
    document.title = 'Holdfast · trade crypto indices from your own account'
  }, [])
  return (
    <div className="mx-auto max-w-[1200px] animate-enter pt-6 md:pt-14">
      <div className="grid gap-14 lg:grid-cols-[1fr_380px] lg:gap-16">
        <div>
          <h1 className="text-3xl font-semibold md:text-4xl">
            Trade Bitcoin dominance.
            <br />
            From your own account.
          </h1>
          <p className="mt-6 max-w-[46ch] text-lg text-muted">
            Holdfast puts whole indices on your exchange account, shows every order before it is placed, and closes
            exactly what it opened.
          </p>
          <div className="mt-10 flex flex-wrap items-center gap-x-6 gap-y-4">
            <TryDemo to="/" />
            {system?.simulated === false && (
              <Button kind="primary" size="large" asChild>
                <Link to="/sign-up">Create an account</Link>
              </Button>
            )}
            {error && !system && <ProblemNotice error={error} retry={() => void refetch()} className="basis-full" />}
            <Link to="/indices" className="font-medium underline underline-offset-4">
              See the indices
            </Link>
            <Link to="/chart" className="font-medium underline underline-offset-4">
              Open a chart
            </Link>
          </div>
          {system?.simulated && (
            <p className="mt-4 text-sm text-muted">No sign-up. A funded practice account, ready in a moment.</p>
          )}
        </div>
        <Dominance />
      </div>
      <ul className="mt-20 grid gap-10 border-t border-hairline pt-10 md:grid-cols-3">
        {POINTS.map((point) => (
          <li key={point.title}>
            <h2 className="text-lg">{point.title}</h2>
            <p className="mt-2 text-muted">{point.text}</p>
          </li>
        ))}
      </ul>
      <footer className="mt-16 flex flex-wrap gap-x-6 gap-y-2 text-xs text-muted">
        <CoinGecko />
        <Link to="/licences" className="underline">
          Licences
        </Link>
      </footer>
    </div>
  )
}

/** The live number itself. */
function Dominance() {
  const { data, error, refetch } = useIndices()
  const index = data?.find((each) => each.id === 'btc-d')
  if (error && !data) return <ProblemNotice error={error} retry={() => void refetch()} />
  if (!data) return <Skeleton className="h-64" label="Loading the index" />
  if (!index) return null
  return (
    <Link to="/indices/$indexId" params={{ indexId: index.id }} className="group block self-center">
      <p className="flex justify-between text-muted">
        <span>
          <span className="font-semibold text-ink">{index.symbol}</span> · {index.name}
        </span>
        <Delta value={index.change_24h} />
      </p>
      <p className="mt-2 text-4xl font-semibold">
        <Level index={index} />
      </p>
      <Sparkline values={index.spark} change={index.change_24h} width={420} height={120} className="mt-6 h-30 w-full" />
      <p className="mt-2 text-sm text-muted">Live, last 24 hours</p>
    </Link>
  )
}
