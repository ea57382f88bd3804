import { describe, expect, it } from 'vitest'

import { differenceRows } from './differenceRows'

const lines = (...numbers: number[]) => numbers.map((number) => `line ${number}`).join('\n')
const told = (theirs: string, mine: string) => differenceRows(theirs, mine).map(({ kind, text }) => `${kind} ${text}`)

describe('what differs', () => {
  it('is told line by line, theirs before mine, with three lines around', () => {
    expect(told(lines(1, 2, 3, 4, 5, 6, 7, 8, 9), lines(1, 2, 3, 4, 50, 6, 7, 8, 9))).toEqual([
      'gap ',
      'both line 2',
      'both line 3',
      'both line 4',
      'theirs line 5',
      'mine line 50',
      'both line 6',
      'both line 7',
      'both line 8',
    ])
  })

  it('leaves out what both have in between', () => {
    const many = Array.from({ length: 30 }, (_, at) => at)
    const changed = many.map((each) => (each === 0 || each === 29 ? each + 100 : each))
    const kinds = differenceRows(lines(...many), lines(...changed)).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'gap')).toHaveLength(1)
    expect(kinds[0]).toBe('theirs')
  })

  it('is nothing where only the end of the last line differs', () => {
    expect(differenceRows('a\nb', 'a\nb\n')).toEqual([])
  })

  it('is all there is of a text beside an empty one', () => {
    expect(told('', 'a\nb').filter((row) => row.startsWith('mine'))).toEqual(['mine a', 'mine b'])
  })
})
