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

/** Where the rail leads, and to some of it the tabs of a phone and the head of a visitor's page. */
export const ENTRIES = [
  { to: '/', label: 'Overview', icon: Gauge, phone: true, visitor: false },
  { to: '/indices', label: 'Indices', icon: ChartNoAxesCombined, phone: true, visitor: true },
  { to: '/chart', label: 'Chart', icon: ChartCandlestick, phone: true, visitor: true },
  { to: '/scripts', label: 'Scripts', icon: Code, phone: false, visitor: true },
  { to: '/backtests', label: 'Back-tests', icon: History, phone: false, visitor: false },
  { to: '/strategies', label: 'Strategies', icon: Workflow, phone: false, visitor: false },
  { to: '/news', label: 'News', icon: Newspaper, phone: false, visitor: true },
  { to: '/positions', label: 'Positions', icon: Layers, phone: true, visitor: false },
  { to: '/activity', label: 'Activity', icon: Activity, phone: true, visitor: false },
  { to: '/journal', label: 'Journal', icon: NotebookPen, phone: false, visitor: false },
  { to: '/data', label: 'Your data', icon: Database, phone: false, visitor: false },
  { to: '/connections', label: 'Connections', icon: Plug, phone: false, visitor: false },
  { to: '/settings', label: 'Settings', icon: Settings, phone: true, visitor: false },
] as const
