import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, render, screen, waitFor } from '@testing-library/react'
import { expect, it, vi } from 'vitest'

import { ProblemError } from '@/api/problem'
import { adopt } from '@/api/session'
import { scripts } from '@/mocks/scripts'
import { USER } from '@/mocks/world'
import { mockedServer } from '@/test/server'

import type { Drawable } from '../data/drawable'
import { Indicators } from './Indicators'
import { ScriptForm } from './ScriptForm'
import { ScriptTrouble } from './ScriptTrouble'

mockedServer()

const TREND = '00000000-0000-4000-8000-00000000a001'
const GONE = '00000000-0000-4000-8000-00000000a009'
const spec = (id: string) => ({ key: id, id: `script:${id}`, inputs: {}, hidden: false })

it('draws scripts among the indicators, each anew only when it has another version', async () => {
  adopt({ access_token: 'token', expires_in: 600, user: USER })
  const setIndicators = vi.fn<(wanted: { indicator: Drawable }[]) => void>()
  const client = new QueryClient()
  const indicators = [spec(TREND), spec(GONE)]
  render(
    <QueryClientProvider client={client}>
      <Indicators engine={{ outputs: { setIndicators } } as never} indicators={indicators} />
    </QueryClientProvider>,
  )
  const drawn = () => setIndicators.mock.lastCall?.[0].map(({ indicator }) => indicator) ?? []
  await waitFor(() => expect(drawn().map(({ name }) => name)).toEqual(['Trend with room', 'Script']))
  const [trend, gone] = drawn()
  const kept = scripts.all.get(TREND)
  if (kept) kept.view = { ...kept.view, version: 3 }
  await client.invalidateQueries({ queryKey: ['scripts'] })
  await waitFor(() => expect(drawn()[0]).not.toBe(trend))
  expect(drawn()[1]).toBe(gone)
})

function refused(status: number, line: number | null) {
  const problem = {
    type: '',
    title: '',
    status,
    detail: 'No such name.',
    instance: '',
    advice: '',
    request_id: '',
    line,
  }
  return new ProblemError(problem)
}

it('says at which line a script fails, and that one is gone; what passes by itself is not its fault', () => {
  const { rerender } = render(<ScriptTrouble error={refused(422, 7)} />)
  expect(screen.getByRole('alert').textContent).toBe('Line 7: No such name.')
  rerender(<ScriptTrouble error={refused(404, null)} />)
  expect(screen.getByRole('alert').textContent).toContain('This script is gone.')
  rerender(<ScriptTrouble error={refused(503, null)} />)
  expect(screen.queryByRole('alert')).toBeNull()
})

vi.mock('@tanstack/react-router', () => ({ Link: 'a' }))

it('says what the search for values from the future says against a script', () => {
  const { view } = scripts.all.get(TREND) ?? {}
  if (!view) throw new Error('no script')
  const random = { kind: 'random' as const, output: 'Mean', time: null, text: '' }
  for (const [findings, words] of [
    [{ state: 'unchecked' as const, runs: 0 }, /not searched for values from the future.*check it/],
    [{ state: 'suspect' as const, runs: 11 }, /something else each time/],
  ] as const) {
    const script = { ...view, findings: { ...view.findings, ...findings, findings: [random] } }
    render(<ScriptForm script={script} inputs={{}} action="Add" onDone={vi.fn()} />)
    expect(screen.getByRole('note').textContent).toMatch(words)
    cleanup()
  }
})
