import { Link } from '@tanstack/react-router'

import { inputLines, termLines } from '@/features/backtests/SettingsSection'
import { splitSeries } from '@/features/chart/data/series'
import { sourceWords, symbolWords } from '@/features/chart/words'
import { Lines, Section } from '@/ui/Layout'

import type { Strategy } from './types'

/** What it was started with. None of it changes while it runs. */
export function StrategySettings({ strategy }: { strategy: Strategy }) {
  const { script, series, timeframe } = strategy
  const [venue] = splitSeries(series)
  const name = `${script.name}, version ${script.version}`
  return (
    <Section title="Settings" note="To change any of this, stop it and run the script anew.">
      <div className="grid gap-x-16 md:grid-cols-2">
        <Lines
          items={[
            {
              label: 'Script',
              value: script.deleted ? (
                `${name} (deleted)`
              ) : (
                <Link to="/scripts/$scriptId" params={{ scriptId: script.id }} className="underline underline-offset-4">
                  {name}
                </Link>
              ),
            },
            { label: 'Traded on', value: symbolWords(series), hint: sourceWords(venue) },
            { label: 'Bars of', value: timeframe },
            ...inputLines(strategy.inputs),
          ]}
        />
        <Lines items={termLines(strategy, strategy.quote)} />
      </div>
    </Section>
  )
}
