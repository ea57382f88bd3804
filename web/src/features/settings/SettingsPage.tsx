import { Link } from '@tanstack/react-router'

import { Page } from '@/ui/Layout'

import { AccountSettings } from './AccountSettings'
import { AppearanceSettings } from './AppearanceSettings'
import { SignIns } from './SignIns'

export default function SettingsPage() {
  return (
    <Page title="Settings" narrow>
      <AppearanceSettings />
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
