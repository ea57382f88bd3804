import type { Connection } from './queries'

export const CONNECTION_WORDS: Record<Connection['state'], string> = {
  checking: 'Checking',
  active: 'Ready to trade',
  watch_only: 'Watching only',
  refused: 'Refused',
  failing: 'Not answering',
}

/** What an account that could trade may not do while an incident is open. */
export const BLOCK_WORDS = { opening: 'Closing only', trading: 'Trading stopped' } as const

export const ENVIRONMENT_WORDS: Record<string, string> = {
  live: 'Live: real money',
  testnet: 'Testnet',
  demo: 'Bybit demo trading',
  simulated: 'Simulated',
}
