import { Link } from '@tanstack/react-router'

import { Page } from '@/ui/Layout'

import { LimitsForm } from './LimitsForm'

/** How far Holdfast may go with this user's money. */
export default function LimitsPage() {
  return (
    <Page title="Limits" narrow above={<Link to="/settings">← Settings</Link>}>
      <p className="mb-10 max-w-[60ch] text-muted">
        An order that would pass a limit is refused before it is sent, with the reason. Closing is never refused. Leave
        a field empty and the limit of this installation applies, shown in grey.
      </p>
      <LimitsForm owner={null} />
    </Page>
  )
}
