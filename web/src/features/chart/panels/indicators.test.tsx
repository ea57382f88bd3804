import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http } from 'msw'
import { expect, it, vi } from 'vitest'

import { problem } from '@/mocks/answers'
import { mockedServer, server } from '@/test/server'

import { Indicators } from './Indicators'
import { Foot } from './Trouble'

mockedServer()

it('says that the indicators of a chart are missing while nobody knows them', async () => {
  let down = true
  server.use(http.get('/api/indicators', () => (down ? problem(500, 'broken', 'Broken.', '') : undefined)))
  const setIndicators = vi.fn()
  const engine = { outputs: { setIndicators } } as never
  const indicators = [{ key: 'k', id: 'rsi', inputs: {}, hidden: false }]
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  const show = (list: typeof indicators) => (
    <QueryClientProvider client={client}>
      <Foot>
        <Indicators engine={engine} indicators={list} />
      </Foot>
    </QueryClientProvider>
  )
  const { rerender } = render(show([]))
  expect(screen.queryByRole('alert')).toBeNull()
  rerender(show(indicators))
  expect((await screen.findByRole('alert')).textContent).toContain('The indicators of this chart could not be loaded.')
  down = false
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  await waitFor(() => expect(setIndicators.mock.lastCall?.[0]).toMatchObject([{ indicator: { id: 'rsi' } }]))
  expect(screen.queryByRole('alert')).toBeNull()
})
