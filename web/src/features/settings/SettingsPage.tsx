import { Link } from '@tanstack/react-router'

import { openStop } from '@/features/safety/store'
import { Button } from '@/ui/Button'
import { Page, Section } from '@/ui/Layout'

import { AccountSettings } from './AccountSettings'
import { AppearanceSettings } from './AppearanceSettings'
import { Row } from './Row'
import { SignIns } from './SignIns'

export default function SettingsPage() {
  return (
    <Page title="Settings" narrow>
      <AppearanceSettings />
      <RiskSettings />
      <AccountSettings />
      <SignIns />
      <nav aria-label="More" className="mt-12 flex gap-6 text-sm">
        <Link to="/connections" className="underline underline-offset-4">
          Connections
        </Link>
        <Link to="/licences" className="underline underline-offset-4">
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
