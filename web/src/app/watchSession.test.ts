import { beforeEach, describe, expect, it, vi } from 'vitest'

import { adopt, forget, leave } from '@/api/session'
import { draftKey, lastDeleted } from '@/features/journal/memory'
import { keepDraft, readDraft } from '@/features/scripts/drafts'
import { USER } from '@/mocks/world'

import { watchSession } from './watchSession'

vi.mock('@/api/live', () => ({ stream: { start: () => undefined } }))
vi.mock('./router', () => ({ router: { invalidate: () => Promise.resolve() } }))

const DRAFT = draftKey(USER.id, '')
const SCRIPT = { name: 'Half', source: 'plot(', version: 0 }
const signIn = (user = USER) => adopt({ access_token: 'token', expires_in: 600, user })

describe('a device that several people use', () => {
  beforeEach(() => {
    sessionStorage.clear()
    sessionStorage.setItem('holdfast.other', 'stays')
    forget()
    const unwatch = watchSession()
    signIn()
    sessionStorage.setItem(DRAFT, '{"title":"Half a"}')
    for (const user of [USER.id, 'b']) keepDraft(user, 'new', { ...SCRIPT, at: '2026-11-22T17:20:00Z' })
    lastDeleted.set({ id: 'e1', title: 'Mine alone' })
    return unwatch
  })

  it('shows nobody what somebody else deleted', () => {
    leave()
    signIn({ ...USER, id: 'b' })
    expect(lastDeleted.get()).toBeNull()
  })

  it('keeps nothing half-written of who signed out', () => {
    leave()
    expect(sessionStorage.getItem(DRAFT)).toBeNull()
    expect(sessionStorage.getItem('holdfast.other')).toBe('stays')
    expect([readDraft(USER.id, 'new'), readDraft('b', 'new')?.source]).toEqual([null, 'plot('])
  })

  it('keeps what was being written when a session merely ended', () => {
    forget()
    signIn()
    expect(sessionStorage.getItem(DRAFT)).toBe('{"title":"Half a"}')
    expect(readDraft(USER.id, 'new')).toMatchObject(SCRIPT)
  })

  it('loses nothing when the same user gets a new token', () => {
    signIn()
    expect(sessionStorage.getItem(DRAFT)).not.toBeNull()
    expect(lastDeleted.get()).not.toBeNull()
  })
})
