import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll } from 'vitest'

import { resetBacktests } from '@/mocks/backtests'
import { handlers } from '@/mocks/handlers'
import { resetLimits } from '@/mocks/limits'
import { resetSafety } from '@/mocks/safety'
import { resetScripts } from '@/mocks/scripts'
import { resetStrategies } from '@/mocks/strategies'
import { resetWorld } from '@/mocks/world'

export const server = setupServer(...handlers)

/** Answers every request of a test file from the mocked world; an unforeseen request fails the test. */
export function mockedServer(): void {
  beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
  afterEach(() => {
    server.resetHandlers()
    resetWorld()
    resetSafety()
    resetLimits()
    resetScripts()
    resetBacktests()
    resetStrategies()
  })
  afterAll(() => server.close())
}
