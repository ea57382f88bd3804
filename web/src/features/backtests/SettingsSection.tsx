import { Link } from '@tanstack/react-router'

import { sourceWords, symbolWords } from '@/features/chart/words'
import { splitSeries } from '@/features/chart/data/series'
import type { InputValue } from '@/features/scripts/scriptInputs'
import { money } from '@/lib/numbers'
import { duration } from '@/lib/times'
import { nameWords } from '@/ui/Details'
import type { Fact } from '@/ui/Layout'
import { Lines, Section } from '@/ui/Layout'
import { Time } from '@/ui/Time'

import { typedTerms } from './terms'
import type { Backtest, Source, Terms } from './types'
import { count, spanWords } from './words'

/** Everything that made the result, so that it can be made again. */
export function SettingsSection({ backtest }: { backtest: Backtest }) {
  return (
    <Section title="Settings">
      <div className="grid gap-x-16 md:grid-cols-2">
        <Lines items={what(backtest)} />
        <Lines items={[...termLines(backtest.settings, backtest.quote), ...inputLines(backtest.settings.inputs)]} />
      </div>
    </Section>
  )
}

function what({ source, settings, bars, first_bar, last_bar, took, ...backtest }: Backtest): Fact[] {
  const [venue] = splitSeries(settings.series)
  const when = first_bar ? spanWords(first_bar, last_bar) : spanWords(settings.since, settings.until)
  return [
    { label: source.kind === 'script' ? 'Script' : 'Signals', value: <SourceName source={source} /> },
    { label: 'Traded on', value: symbolWords(settings.series), hint: sourceWords(venue) },
    { label: 'Bars of', value: settings.timeframe },
    { label: 'Span', value: when, hint: bars === null ? undefined : `${count(bars)} bars` },
    {
      label: 'Run',
      value: <Time iso={backtest.created_at} />,
      hint: took === null ? undefined : `took ${duration(took * 1000)}`,
    },
  ]
}

function SourceName({ source }: { source: Source }) {
  if (source.kind === 'signals') return source.name
  const text = `${source.name}, version ${source.version}`
  if (source.deleted) return `${text} (deleted)`
  return (
    <Link to="/scripts/$scriptId" params={{ scriptId: source.script_id }} className="underline underline-offset-4">
      {text}
    </Link>
  )
}

export function termLines(terms: Terms, quote: string): Fact[] {
  const { fee, slippage, size } = typedTerms(terms)
  return [
    { label: 'Capital', value: `${money(terms.capital)}${quote && ` ${quote}`}` },
    { label: 'Fee per trade', value: `${fee}%` },
    { label: 'Slippage', value: `${slippage}%` },
    { label: 'Used per signal', value: `${size}%` },
    { label: 'Selling short', value: terms.allow_short ? 'Allowed' : 'Not allowed' },
  ]
}

export function inputLines(inputs: Record<string, InputValue>): Fact[] {
  return Object.entries(inputs).map(([name, value]) => ({
    label: nameWords(name),
    value: typeof value === 'boolean' ? (value ? 'Yes' : 'No') : String(value),
  }))
}
