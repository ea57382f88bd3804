import type { Connection } from './queries'

export const CONNECTION_WORDS: Record<Connection['state'], string> = {
  checking: 'Checking',
  active: 'Ready to trade',
  watch_only: 'Watching only',
  refused: 'Refused',
  failing: 'Not answering',
}

export const ENVIRONMENT_WORDS: Record<string, string> = {
  live: 'Live: real money',
  testnet: 'Testnet',
  demo: 'Bybit demo trading',
  simulated: 'Simulated',
}
