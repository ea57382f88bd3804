import { describe, expect, it } from 'vitest'

import { marksOf, turns } from './scriptMarks'

const column = (...values: number[]) => Float64Array.from(values)
const MARKER = { label: 'up', shape: 'up', at: 'below', colour: 3 } as const

function view(columns: Float64Array[], parts: Record<string, unknown> = {}, hidden = false) {
  const script = { id: 's', lines: [], markers: [MARKER], signals: true, target: false, ...parts }
  return { spec: { key: 'k', hidden }, indicator: { name: 'Mine', plots: [{}], script }, feed: { columns } } as never
}

const WINDOW = { length: 5, time: column(10, 20, 30, 40, 50) } as never
const PLOT = column(1, 1, 1, 1, 1)

describe('turns of opinion', () => {
  it('are told once, whatever is held in between', () => {
    expect(turns(column(0, 1, 0, 1, NaN, -1, -1, 1), 8)).toEqual([
      [1, 1],
      [5, -1],
      [7, 1],
    ])
  })

  it('are not told of the first opinion that is known: it may be an old one', () => {
    expect(turns(column(NaN, 1, 1, -1), 4)).toEqual([[3, -1]])
  })
})

describe('marks', () => {
  it('stand where the script says, and where its opinion changes without a mark of its own', () => {
    const found = marksOf(view([PLOT, column(0, 1, 0, 0, 0), column(0, 1, 0, -1, -1)]), WINDOW, 50)
    expect(found.map(({ time, label, place, colour }) => [time, label, place, colour])).toEqual([
      [20, 'up', 'below', 'plot-4'],
      [40, 'Short', 'above', 'down'],
    ])
  })

  it('stand on closed bars only', () => {
    const columns = [PLOT, column(0, 0, 0, 0, 1), column(0, 0, 0, -1, -1)]
    expect(marksOf(view(columns), WINDOW, 30)).toEqual([])
    expect(marksOf(view(columns), WINDOW, 50)).toHaveLength(2)
  })

  it('go with a script that is hidden, and there are none before its values are here', () => {
    expect(marksOf(view([PLOT, column(1, 1, 1, 1, 1), column(0, 0, 0, 0, 0)], {}, true), WINDOW, 50)).toEqual([])
    expect(marksOf(view([]), WINDOW, 50)).toEqual([])
  })
})
