import { changeAppearance } from '@/lib/appearance'

/** One registry for the palette, the keys and the list of keys. */
export interface Action {
  id: string
  label: string
  group: 'Safety' | 'Go to' | 'Appearance' | 'Help'
  /** "g i" = g, then i. */
  keys?: string
  /** Further words the palette finds it by. */
  words?: string
  perform: (tools: ActionTools) => void
}

export interface ActionTools {
  go: (path: string) => void
  openPalette: () => void
  openHelp: () => void
  stop: () => void
}

export const ACTIONS: Action[] = [
  {
    id: 'stop',
    label: 'Stop trading',
    group: 'Safety',
    keys: '!',
    words: 'kill switch emergency halt panic flatten close everything resume',
    perform: ({ stop }) => stop(),
  },
  { id: 'overview', label: 'Overview', group: 'Go to', keys: 'g o', perform: ({ go }) => go('/') },
  { id: 'indices', label: 'Indices', group: 'Go to', keys: 'g i', perform: ({ go }) => go('/indices') },
  {
    id: 'chart',
    label: 'Chart',
    group: 'Go to',
    keys: 'g m',
    words: 'markets candles price indicators drawing replay',
    perform: ({ go }) => go('/chart'),
  },
  {
    id: 'scripts',
    label: 'Scripts',
    group: 'Go to',
    keys: 'g x',
    words: 'python code editor own indicators strategy signals',
    perform: ({ go }) => go('/scripts'),
  },
  { id: 'new-script', label: 'Write a script', group: 'Go to', perform: ({ go }) => go('/scripts/new') },
  {
    id: 'news',
    label: 'News',
    group: 'Go to',
    keys: 'g w',
    words: 'quick look articles press sentiment mood marketaux headlines',
    perform: ({ go }) => go('/news'),
  },
  { id: 'positions', label: 'Positions', group: 'Go to', keys: 'g p', perform: ({ go }) => go('/positions') },
  {
    id: 'activity',
    label: 'Activity',
    group: 'Go to',
    keys: 'g a',
    words: 'orders fills fees funding history',
    perform: ({ go }) => go('/activity'),
  },
  {
    id: 'journal',
    label: 'Journal',
    group: 'Go to',
    keys: 'g j',
    words: 'diary notes perflogs statistics win rate tags performance',
    perform: ({ go }) => go('/journal'),
  },
  {
    id: 'backtests',
    label: 'Back-tests',
    group: 'Go to',
    keys: 'g t',
    words: 'backtest history test strategy equity drawdown sharpe simulate',
    perform: ({ go }) => go('/backtests'),
  },
  {
    id: 'new-backtest',
    label: 'New back-test',
    group: 'Go to',
    words: 'backtest run script signals history',
    perform: ({ go }) => go('/backtests/new'),
  },
  {
    id: 'strategies',
    label: 'Strategies',
    group: 'Go to',
    keys: 'g y',
    words: 'paper bots automate live script running',
    perform: ({ go }) => go('/strategies'),
  },
  {
    id: 'new-strategy',
    label: 'Run a script on paper',
    group: 'Go to',
    words: 'strategy start bot automate',
    perform: ({ go }) => go('/strategies/new'),
  },
  {
    id: 'data',
    label: 'Your data',
    group: 'Go to',
    keys: 'g d',
    words: 'own datasets upload csv import signals bars custom',
    perform: ({ go }) => go('/data'),
  },
  {
    id: 'connections',
    label: 'Connections',
    group: 'Go to',
    keys: 'g c',
    words: 'bybit key exchange account',
    perform: ({ go }) => go('/connections'),
  },
  {
    id: 'incidents',
    label: 'Incidents',
    group: 'Go to',
    keys: 'g n',
    words: 'bell alarms warnings notices liquidation delisting',
    perform: ({ go }) => go('/incidents'),
  },
  {
    id: 'limits',
    label: 'Limits',
    group: 'Go to',
    keys: 'g l',
    words: 'risk loss drawdown rate band maximum',
    perform: ({ go }) => go('/settings/risk'),
  },
  { id: 'settings', label: 'Settings', group: 'Go to', keys: 'g s', perform: ({ go }) => go('/settings') },
  {
    id: 'btc-d',
    label: 'BTC.D · Bitcoin dominance',
    group: 'Go to',
    keys: 'g b',
    perform: ({ go }) => go('/indices/btc-d'),
  },
  { id: 'eth-d', label: 'ETH.D · Ether dominance', group: 'Go to', perform: ({ go }) => go('/indices/eth-d') },
  { id: 'eth-btc', label: 'ETH/BTC', group: 'Go to', perform: ({ go }) => go('/indices/eth-btc') },
  { id: 'top-10', label: 'TOP10 · ten largest coins', group: 'Go to', perform: ({ go }) => go('/indices/top-10') },
  { id: 'licences', label: 'Licences', group: 'Go to', perform: ({ go }) => go('/licences') },
  {
    id: 'light',
    label: 'Light theme',
    group: 'Appearance',
    perform: () => changeAppearance({ theme: 'light' }),
  },
  {
    id: 'dark',
    label: 'Dark theme',
    group: 'Appearance',
    perform: () => changeAppearance({ theme: 'dark' }),
  },
  {
    id: 'system-theme',
    label: 'Theme of this device',
    group: 'Appearance',
    perform: () => changeAppearance({ theme: 'system' }),
  },
  {
    id: 'palette',
    label: 'Search and commands',
    group: 'Help',
    keys: 'mod k',
    perform: ({ openPalette }) => openPalette(),
  },
  { id: 'help', label: 'Keyboard shortcuts', group: 'Help', keys: '?', perform: ({ openHelp }) => openHelp() },
]

/** Keys are for the page, not for what is being typed. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  )
}

/** The action of one or two letter keys pressed after another, and whether the first of two waits. */
export function matchKeys(pressed: string[]): { action: Action | undefined; waits: boolean } {
  const typed = pressed.join(' ')
  return {
    action: ACTIONS.find((action) => action.keys === typed),
    waits: ACTIONS.some((action) => action.keys?.startsWith(`${typed} `)),
  }
}
