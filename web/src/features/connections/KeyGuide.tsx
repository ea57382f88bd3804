import { Check, X } from 'lucide-react'

import type { Step } from '@/ui/Steps'
import { Steps } from '@/ui/Steps'

const STEPS: Step[] = [
  {
    title: 'Open the key page at Bybit',
    text: 'Sign in at bybit.com, then Account → API → Create New Key. Choose “System-generated API keys”.',
  },
  {
    title: 'Choose “Read-Write” and these permissions only',
    more: <Permissions />,
  },
  {
    title: 'Bind it to your address, if you have a fixed one',
    text: 'A key bound to an IP address does not expire. An unbound one ends after three months; Holdfast reminds you.',
  },
  {
    title: 'Use a Unified Trading account in one-way mode',
    text: 'New accounts are. The check tells you if yours is not, and where to change it.',
  },
  {
    title: 'Copy the key and the secret',
    text: 'Bybit shows the secret once. Paste both here; the check takes a few seconds.',
  },
]

const PERMISSIONS = [
  { allowed: true, name: 'Unified Trading → Orders and Positions', why: 'to place and close what you confirm' },
  { allowed: false, name: 'Assets → Withdrawal', why: 'a key that can withdraw is refused' },
  { allowed: false, name: 'Assets → Account or Sub-account Transfer', why: 'a key that can transfer is refused' },
]

/** How to make a key that can trade and nothing else. */
export function KeyGuide() {
  return (
    <section aria-label="How to create the key">
      <h2 className="mb-5 text-lg">Create a key with the least permissions</h2>
      <Steps steps={STEPS} />
    </section>
  )
}

function Permissions() {
  return (
    <ul className="mt-2 space-y-2">
      {PERMISSIONS.map(({ allowed, name, why }) => {
        const Icon = allowed ? Check : X
        return (
          <li key={name} className="flex gap-2.5">
            <Icon aria-hidden className="mt-0.5 size-4 shrink-0" />
            <span>
              <span className="sr-only">{allowed ? 'On: ' : 'Off: '}</span>
              {name}
              <span className="text-muted">, {why}</span>
            </span>
          </li>
        )
      })}
    </ul>
  )
}
