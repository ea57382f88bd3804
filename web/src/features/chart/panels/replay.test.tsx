import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'

import { createStore } from '@/lib/store'

import { ReplayBar } from './ReplayBar'

it('begins at a moment of the past alone, and says why not at another', async () => {
  const startAt = vi.fn()
  const state = createStore({ active: true, playing: false, speed: 1, ended: false })
  render(<ReplayBar engine={{ replay: { state, startAt } } as never} />)
  const field = screen.getByLabelText<HTMLInputElement>('Begin at (UTC)')
  const beginAt = async (typed: string) => {
    await userEvent.clear(field)
    if (typed) await userEvent.type(field, typed)
    await userEvent.click(screen.getByRole('button', { name: 'Begin there' }))
    return screen.getByRole('alert').textContent
  }
  expect(await beginAt('')).toBe('Choose a date.')
  expect(await beginAt('2999-01-01T00:00')).toBe('This is still to come.')
  expect(field.getAttribute('aria-invalid')).toBe('true')
  expect(startAt).not.toHaveBeenCalled()
  expect(await beginAt('2020-09-14T12:30')).toBe('')
  expect(startAt).toHaveBeenCalledWith(Date.parse('2020-09-14T12:30Z') / 1000)
})
