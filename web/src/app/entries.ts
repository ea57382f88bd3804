import {
  Activity,
  ChartCandlestick,
  ChartNoAxesCombined,
  Code,
  Database,
  Gauge,
  History,
  Layers,
  Newspaper,
  NotebookPen,
  Plug,
  Settings,
  Workflow,
} from 'lucide-react'

/** Where the rail leads, and the tabs of a phone to some of it. */
export const ENTRIES = [
  { to: '/', label: 'Overview', icon: Gauge, phone: true },
  { to: '/indices', label: 'Indices', icon: ChartNoAxesCombined, phone: true },
  { to: '/chart', label: 'Chart', icon: ChartCandlestick, phone: true },
  { to: '/scripts', label: 'Scripts', icon: Code, phone: false },
  { to: '/backtests', label: 'Back-tests', icon: History, phone: false },
  { to: '/strategies', label: 'Strategies', icon: Workflow, phone: false },
  { to: '/news', label: 'News', icon: Newspaper, phone: false },
  { to: '/positions', label: 'Positions', icon: Layers, phone: true },
  { to: '/activity', label: 'Activity', icon: Activity, phone: true },
  { to: '/journal', label: 'Journal', icon: NotebookPen, phone: false },
  { to: '/data', label: 'Your data', icon: Database, phone: false },
  { to: '/connections', label: 'Connections', icon: Plug, phone: false },
  { to: '/settings', label: 'Settings', icon: Settings, phone: true },
] as const
