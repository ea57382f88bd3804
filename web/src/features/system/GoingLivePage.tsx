import { Link } from '@tanstack/react-router'

import { Page } from '@/ui/Layout'
import type { Step } from '@/ui/Steps'
import { Steps } from '@/ui/Steps'

const STEPS: Step[] = [
  {
    title: 'Stop this installation',
    text: 'Press Ctrl-C where it runs. The demo stays as it is; live mode has a directory of its own.',
  },
  { title: 'Start it in live mode', text: 'export HOLDFAST_MODE=live HOLDFAST_HOME=var/live; make up', code: true },
  {
    title: 'Create an account',
    text: 'Email and password, kept on your own machine. The demo account does not carry over.',
  },
  {
    title: 'Connect your Bybit account',
    text: 'With a key that can trade and nothing else. Bybit’s testnet and demo trading can be connected first, to practise on.',
  },
  {
    title: 'Begin small',
    text: 'Every index says its minimum size. The pill beside the name turns to LIVE when real money can move.',
  },
]

/** What stands between the simulated market and the real one. */
export default function GoingLivePage() {
  return (
    <Page title="How to go live" narrow>
      <p className="mb-8 max-w-[60ch] text-muted">
        In demo mode the venue, its prices and the data providers are simulated on this machine. Live mode uses the real
        ones, and real money.
      </p>
      <Steps steps={STEPS} />
      <p className="mt-10 text-sm">
        <Link to="/" className="underline underline-offset-4">
          Back to the start
        </Link>
      </p>
    </Page>
  )
}
