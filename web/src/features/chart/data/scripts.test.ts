import { http, HttpResponse } from 'msw'
import { expect, it } from 'vitest'

import type { ProblemError } from '@/api/problem'
import { mockedServer, server } from '@/test/server'

import { ofScript, ofSource } from './scripts'

mockedServer()

const KEPT = { id: '00000000-0000-4000-8000-00000000a001', name: 'Trend with room', version: 2, inputs: [] }
const QUESTION = { inputs: {}, series: 'bybit:BTCUSDT', timeframe: '1h' as const }
const SIGNAL = new AbortController().signal

it('tells with the values what is drawn: plots, then marks, signals and the target', async () => {
  const page = await ofScript(KEPT).fetch?.(QUESTION, { limit: 50 }, SIGNAL)
  expect(page?.columns).toHaveLength(4)
  expect(page?.drawable).toMatchObject({
    name: 'Trend with room',
    plots: [{ id: 'mean', pane: 'price', colour: 1 }],
    script: { id: KEPT.id, signals: true, target: true, markers: [{ label: 'crossed up' }] },
  })
})

it('asks only for inputs that the script has', async () => {
  let asked = ''
  server.use(http.get('/api/scripts/:id/values', ({ request }) => void (asked = new URL(request.url).search)))
  const length = { name: 'length', label: 'Length', kind: 'int', default: 20 } as never
  await ofScript({ ...KEPT, inputs: [length] }).fetch?.({ ...QUESTION, inputs: { gone: 1 } }, { limit: 5 }, SIGNAL)
  expect([...new URLSearchParams(asked).keys()].filter((name) => name.startsWith('in.'))).toEqual(['in.length'])
})

it('says at which line a text that is not saved fails', async () => {
  const asked = ofSource('x = 1\nplot(oops)').fetch?.(QUESTION, { limit: 50 }, SIGNAL)
  const error = (await asked?.catch((thrown: unknown) => thrown)) as ProblemError
  expect([error.line, error.problem.kind]).toEqual([2, 'script'])
})

it('draws a text that is not saved under the title it gives itself', async () => {
  server.use(http.get('/api/scripts', () => HttpResponse.json([])))
  const page = await ofSource('script("Mine")').fetch?.(QUESTION, { limit: 50 }, SIGNAL)
  expect([page?.drawable?.name, page?.drawable?.script?.id]).toEqual(['Mine', null])
})
