/** Where scripts are written, tried on history, and run on paper. */
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'

import { mine } from './parents'
import { present } from './search'

const backtests = createRoute({
  getParentRoute: () => mine,
  path: '/backtests',
  component: lazyRouteComponent(() => import('@/features/backtests/BacktestsPage')),
})

const newBacktest = createRoute({
  getParentRoute: () => mine,
  path: '/backtests/new',
  validateSearch: (search) => present(search, ['from', 'script', 'signals', 'series', 'tf'] as const),
  component: lazyRouteComponent(() => import('@/features/backtests/NewBacktestPage')),
})

const backtest = createRoute({
  getParentRoute: () => mine,
  path: '/backtests/$backtestId',
  component: lazyRouteComponent(() => import('@/features/backtests/BacktestPage')),
})

const strategies = createRoute({
  getParentRoute: () => mine,
  path: '/strategies',
  component: lazyRouteComponent(() => import('@/features/strategies/StrategiesPage')),
})

const newStrategy = createRoute({
  getParentRoute: () => mine,
  path: '/strategies/new',
  validateSearch: (search) => present(search, ['from', 'script', 'series', 'tf'] as const),
  component: lazyRouteComponent(() => import('@/features/strategies/NewStrategyPage')),
})

const strategy = createRoute({
  getParentRoute: () => mine,
  path: '/strategies/$strategyId',
  component: lazyRouteComponent(() => import('@/features/strategies/StrategyPage')),
})

export const labRoutes = [backtests, newBacktest, backtest, strategies, newStrategy, strategy] as const
