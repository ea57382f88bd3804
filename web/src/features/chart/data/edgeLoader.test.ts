import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { ProblemError, problemOf } from '@/api/problem'

import type { Edge, Side } from './edgeLoader'
import { EdgeLoader } from './edgeLoader'

const refusal = (status: number) => new ProblemError(problemOf({}, new Response(null, { status })))

/** Two ends that fail with what stands in `trouble`, and take a second for an answer. */
function makeEnds() {
  const trouble: Partial<Record<Side, Error>> = {}
  const asked: Side[] = []
  const told: (Edge | null)[] = []
  const at = (side: Side) => async () => {
    asked.push(side)
    await new Promise((come) => setTimeout(come, 1_000))
    const error = trouble[side]
    if (error) throw error
  }
  const edges = new EdgeLoader({ older: at('older'), newer: at('newer') }, (edge) => told.push(edge))
  return { edges, trouble, asked, told }
}

const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('asks at one end after the other, and at the same one once', async () => {
  const { edges, asked } = makeEnds()
  void edges.ask('older')
  void edges.ask('newer')
  void edges.ask('older')
  expect(asked).toEqual(['older'])
  await seconds(5)
  expect(asked).toEqual(['older', 'newer'])
})

it('asks by itself later, whatever is on its way at the other end then', async () => {
  const { edges, asked } = makeEnds()
  edges.askIn(3_000, 'older')
  void edges.ask('older')
  await seconds(2.5)
  expect(asked).toEqual([])
  void edges.ask('newer')
  await seconds(5)
  expect(asked).toEqual(['newer', 'older'])
  edges.askIn(3_000, 'older')
  edges.stop()
  await seconds(5)
  expect(asked).toHaveLength(2)
})

it('goes on at one end while the other is refused for good', async () => {
  const { edges, trouble, asked, told } = makeEnds()
  trouble.older = refusal(403)
  void edges.ask('older')
  await seconds(2)
  void edges.ask('older')
  void edges.ask('newer')
  await seconds(300)
  expect(asked).toEqual(['older', 'newer'])
  expect(told).toEqual([{ side: 'older', error: trouble.older }])
})

it('tells of the end that still fails when the other one does no more', async () => {
  const { edges, trouble, asked, told } = makeEnds()
  trouble.older = trouble.newer = refusal(503)
  void edges.ask('older')
  void edges.ask('newer')
  await seconds(2)
  delete trouble.older
  await seconds(10)
  expect(told.at(-1)?.side).toBe('newer')
  delete trouble.newer
  void edges.retry()
  await seconds(2)
  expect(told.at(-1)).toBeNull()
  const { length } = asked
  edges.stop()
  await seconds(300)
  expect(asked).toHaveLength(length)
})
