import type { RouterHistory } from '@tanstack/react-router'
import { createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'

import { lastChart } from '@/features/chart/last'

import { HomePage } from './HomePage'
import { labRoutes } from './labRoutes'
import { mine, root } from './parents'
import { incidentsSearch, JOURNAL_SEARCH, present } from './search'

const home = createRoute({ getParentRoute: () => root, path: '/', component: HomePage })

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search) => present(search, ['next']),
  component: lazyRouteComponent(() => import('@/features/account/SignInPage')),
})

const signUp = createRoute({
  getParentRoute: () => root,
  path: '/sign-up',
  validateSearch: (search) => present(search, ['next']),
  component: lazyRouteComponent(() => import('@/features/account/SignUpPage')),
})

const indices = createRoute({
  getParentRoute: () => root,
  path: '/indices',
  component: lazyRouteComponent(() => import('@/features/indices/IndicesPage')),
})

const index = createRoute({
  getParentRoute: () => root,
  path: '/indices/$indexId',
  validateSearch: (search): { direction?: 'long' | 'short'; size?: string; connection?: string } => ({
    ...present(search, ['size', 'connection']),
    ...(search['direction'] === 'long' || search['direction'] === 'short' ? { direction: search['direction'] } : {}),
  }),
  component: lazyRouteComponent(() => import('@/features/indices/IndexPage')),
})

const charts = createRoute({
  getParentRoute: () => root,
  path: '/chart',
  beforeLoad: () => {
    throw redirect({ ...lastChart(), replace: true })
  },
})

const chart = createRoute({
  getParentRoute: () => root,
  path: '/chart/$source/$symbol',
  validateSearch: (search) => present(search, ['tf']),
  component: lazyRouteComponent(() => import('@/features/chart/ChartPage')),
})

const news = createRoute({
  getParentRoute: () => root,
  path: '/news',
  validateSearch: (search) => present(search, ['symbol', 'mood', 'story'] as const),
  component: lazyRouteComponent(() => import('@/features/news/NewsPage')),
})

const plan = createRoute({
  getParentRoute: () => mine,
  path: '/plans/$planId',
  validateSearch: (search): { step?: 'confirm' } => (search['step'] === 'confirm' ? { step: 'confirm' } : {}),
  component: lazyRouteComponent(() => import('@/features/trade/PlanPage')),
})

const execution = createRoute({
  getParentRoute: () => mine,
  path: '/executions/$executionId',
  component: lazyRouteComponent(() => import('@/features/trade/ExecutionPage')),
})

const positions = createRoute({
  getParentRoute: () => mine,
  path: '/positions',
  validateSearch: (search): { state?: 'closed' } => (search['state'] === 'closed' ? { state: 'closed' } : {}),
  component: lazyRouteComponent(() => import('@/features/positions/PositionsPage')),
})

const position = createRoute({
  getParentRoute: () => mine,
  path: '/positions/$positionId',
  component: lazyRouteComponent(() => import('@/features/positions/PositionPage')),
})

const activity = createRoute({
  getParentRoute: () => mine,
  path: '/activity',
  validateSearch: (search) => present(search, ['show', 'position', 'symbol', 'state', 'kind', 'from', 'to'] as const),
  component: lazyRouteComponent(() => import('@/features/activity/ActivityPage')),
})

const order = createRoute({
  getParentRoute: () => mine,
  path: '/activity/orders/$orderId',
  component: lazyRouteComponent(() => import('@/features/activity/OrderPage')),
})

const journal = createRoute({
  getParentRoute: () => mine,
  path: '/journal',
  validateSearch: (search) => present(search, JOURNAL_SEARCH),
  component: lazyRouteComponent(() => import('@/features/journal/JournalPage')),
})

const journalEntry = createRoute({
  getParentRoute: () => mine,
  path: '/journal/$entryId',
  validateSearch: (search) => present(search, ['edit'] as const),
  component: lazyRouteComponent(() => import('@/features/journal/EntryPage')),
})

const data = createRoute({
  getParentRoute: () => mine,
  path: '/data',
  component: lazyRouteComponent(() => import('@/features/datasets/DataPage')),
})

const scripts = createRoute({
  getParentRoute: () => root,
  path: '/scripts',
  component: lazyRouteComponent(() => import('@/features/scripts/ScriptsPage')),
})

const script = createRoute({
  getParentRoute: () => mine,
  path: '/scripts/$scriptId',
  validateSearch: (search) => present(search, ['example'] as const),
  component: lazyRouteComponent(() => import('@/features/scripts/ScriptPage')),
})

const connections = createRoute({
  getParentRoute: () => mine,
  path: '/connections',
  component: lazyRouteComponent(() => import('@/features/connections/ConnectionsPage')),
})

const newConnection = createRoute({
  getParentRoute: () => mine,
  path: '/connections/new',
  component: lazyRouteComponent(() => import('@/features/connections/NewConnectionPage')),
})

const settings = createRoute({
  getParentRoute: () => mine,
  path: '/settings',
  component: lazyRouteComponent(() => import('@/features/settings/SettingsPage')),
})

const risk = createRoute({
  getParentRoute: () => mine,
  path: '/settings/risk',
  component: lazyRouteComponent(() => import('@/features/limits/LimitsPage')),
})

const incidents = createRoute({
  getParentRoute: () => mine,
  path: '/incidents',
  validateSearch: incidentsSearch,
  component: lazyRouteComponent(() => import('@/features/incidents/IncidentsPage')),
})

const flatten = createRoute({
  getParentRoute: () => mine,
  path: '/flatten/$flattenId',
  component: lazyRouteComponent(() => import('@/features/safety/FlattenPage')),
})

const trace = createRoute({
  getParentRoute: () => mine,
  path: '/executions/$executionId/trace',
  validateSearch: (search) => present(search, ['show', 'symbol'] as const),
  component: lazyRouteComponent(() => import('@/features/trace/TracePage')),
})

const licences = createRoute({
  getParentRoute: () => root,
  path: '/licences',
  component: lazyRouteComponent(() => import('@/features/system/LicencesPage')),
})

const goingLive = createRoute({
  getParentRoute: () => root,
  path: '/going-live',
  component: lazyRouteComponent(() => import('@/features/system/GoingLivePage')),
})

const routeTree = root.addChildren([
  home,
  signIn,
  signUp,
  indices,
  index,
  charts,
  chart,
  news,
  scripts,
  licences,
  goingLive,
  mine.addChildren([
    plan,
    execution,
    trace,
    flatten,
    positions,
    position,
    activity,
    order,
    incidents,
    journal,
    journalEntry,
    data,
    script,
    connections,
    newConnection,
    settings,
    risk,
    ...labRoutes,
  ]),
])

/** `history`: the browser's, unless a test brings its own. */
export function makeRouter(history?: RouterHistory) {
  return createRouter({
    routeTree,
    defaultPreload: 'intent',
    scrollRestoration: history === undefined,
    ...(history ? { history } : {}),
  })
}

export const router = makeRouter()

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
  interface HistoryState {
    /** The same page with newer content: the focus stays where it is. */
    keepFocus?: boolean
    /** The layout of charts that wrote the address. */
    layout?: string | undefined
  }
}
