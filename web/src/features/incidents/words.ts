import type { Incident } from './queries'

export const SEVERITY_WORDS: Record<Incident['severity'], string> = {
  info: 'For your information',
  warning: 'Warning',
  alarm: 'Alarm',
}

/** What an incident holds back while it is open. */
export const BLOCK_WORDS: Record<Incident['blocks'], string> = {
  '': '',
  opening: 'Nothing new is opened here until this is settled.',
  trading: 'Nothing is traded here until this is settled.',
}
