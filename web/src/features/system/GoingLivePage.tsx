import { Link } from '@tanstack/react-router'

import { Page } from '@/ui/Layout'

const STEPS = [
  {
    title: 'Stop this installation',
    text: 'Press Ctrl-C where it runs. The demo data stays; live mode does not show it.',
  },
  { title: 'Start it in live mode', text: 'HOLDFAST_MODE=live make up', code: true },
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
      <ol className="space-y-7">
        {STEPS.map((step, index) => (
          <li key={step.title} className="flex gap-4">
            <span
              aria-hidden
              className="tnum grid size-7 shrink-0 place-items-center rounded-full border border-hairline text-sm text-muted"
            >
              {index + 1}
            </span>
            <div>
              <p className="font-medium">{step.title}</p>
              <p className="mt-1 max-w-[56ch] text-muted">
                {step.code ? <code className="font-mono text-ink select-all">{step.text}</code> : step.text}
              </p>
            </div>
          </li>
        ))}
      </ol>
      <p className="mt-10 text-sm">
        <Link to="/" className="underline underline-offset-4">
          Back to the start
        </Link>
      </p>
    </Page>
  )
}
