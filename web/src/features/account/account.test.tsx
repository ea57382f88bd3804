import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it } from 'vitest'

import { renderAt } from '@/test/render'
import { mockedServer } from '@/test/server'

mockedServer()

it('goes to what has to be corrected, field by field', async () => {
  const user = userEvent.setup()
  renderAt('/sign-up')
  const email = await screen.findByRole('textbox', { name: 'Email' })
  await user.click(screen.getByRole('button', { name: 'Create account' }))
  expect(document.activeElement).toBe(email)
  await user.type(email, 'ada@example.com')
  await user.type(screen.getByLabelText('Password'), 'short{Enter}')
  expect(document.activeElement).toBe(screen.getByLabelText('Password'))
  expect(screen.getByText(/Use at least 12 characters/)).toBeTruthy()
})
