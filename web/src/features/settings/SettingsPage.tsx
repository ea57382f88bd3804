import { Link } from '@tanstack/react-router'

import { ENTRIES } from '@/app/entries'
import { openStop } from '@/features/safety/store'
import { Button } from '@/ui/Button'
import { Page, Section } from '@/ui/Layout'

import { AccountSettings } from './AccountSettings'
import { AppearanceSettings } from './AppearanceSettings'
import { Row } from './Row'
import { SignIns } from './SignIns'

/** Pages that are no tab of a phone. */
const ELSEWHERE = ENTRIES.filter(({ to, phone }) => !phone && to !== '/connections')

export default function SettingsPage() {
  return (
    <Page title="Settings" narrow>
      <nav aria-label="More" className="mb-10 flex flex-wrap gap-x-6 gap-y-1 text-sm md:hidden">
        {ELSEWHERE.map(({ to, label }) => (
          <Link key={to} to={to} className="py-2 underline underline-offset-4">
            {label}
          </Link>
        ))}
      </nav>
      <AppearanceSettings />
      <RiskSettings />
      <AccountSettings />
      <SignIns />
      <nav aria-label="About this installation" className="mt-12 flex flex-wrap gap-x-6 gap-y-1 text-sm">
        <Link to="/connections" className="py-2 underline underline-offset-4">
          Connections
        </Link>
        <Link to="/licences" className="py-2 underline underline-offset-4">
          Licences
        </Link>
      </nav>
    </Page>
  )
}

function RiskSettings() {
  return (
    <Section title="Risk">
      <div className="divide-y divide-hairline border-y border-hairline">
        <Row label="Limits" hint="Size, loss, order rate and price band: what no order may pass.">
          <Button asChild>
            <Link to="/settings/risk">See limits</Link>
          </Button>
        </Row>
        <Row label="Stop" hint="Stops everything new, and if you want closes what is open.">
          <Button kind="danger" onClick={() => openStop()}>
            Stop trading
          </Button>
        </Row>
      </div>
    </Section>
  )
}
