import { beforeEach, describe, expect, it } from 'vitest'

import { dropDraft, forgetScriptDrafts, keepDraft, readDraft } from './drafts'

const at = (minute: number) => new Date(Date.UTC(2026, 10, 22, 17, minute)).toISOString()
const draft = (source: string, minute = 20) => ({ name: 'Mine', source, version: 2, at: at(minute) })

beforeEach(() => localStorage.clear())

describe('what is not saved', () => {
  it('is kept for each user and script apart, until it is dropped', () => {
    expect(keepDraft('ann', 'one', draft('a'))).toBe(true)
    expect(readDraft('ann', 'one')).toEqual(draft('a'))
    expect([readDraft('bob', 'one'), readDraft('ann', 'two'), readDraft('', 'one')]).toEqual([null, null, null])
    dropDraft('bob', 'one')
    forgetScriptDrafts('bob')
    expect(readDraft('ann', 'one')).not.toBeNull()
    keepDraft('bob', 'one', draft('b'))
    forgetScriptDrafts('ann')
    expect([readDraft('ann', 'one'), readDraft('bob', 'one')?.source]).toEqual([null, 'b'])
  })

  it('keeps the time of the text, not of looking at it again', () => {
    keepDraft('ann', 'one', draft('a', 20))
    keepDraft('ann', 'one', draft('a', 40))
    expect(readDraft('ann', 'one')?.at).toBe(at(20))
    keepDraft('ann', 'one', draft('b', 40))
    expect(readDraft('ann', 'one')?.at).toBe(at(40))
  })

  it('takes no more room than there is for it', () => {
    expect(keepDraft('ann', 'long', draft('x'.repeat(200_000)))).toBe(false)
    expect(keepDraft('', 'nobodys', draft('a'))).toBe(false)
    keepDraft('bob', 'his', draft('b', 0))
    for (let each = 1; each <= 15; each++) keepDraft('ann', `s${each}`, draft('a', each))
    expect([readDraft('ann', 's3'), readDraft('ann', 's4')?.at, readDraft('bob', 'his')?.source]).toEqual([
      null,
      at(4),
      'b',
    ])
  })

  it('is nothing where it cannot be read', () => {
    keepDraft('ann', 'one', draft('a'))
    const [place = ''] = Object.keys(localStorage)
    for (const broken of ['{', 'null', '{"source":"a"}', JSON.stringify({ ...draft('a'), at: 'soon' })]) {
      localStorage.setItem(place, broken)
      expect(readDraft('ann', 'one')).toBeNull()
    }
  })
})
