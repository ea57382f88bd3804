import { screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { expect, it } from 'vitest'

import { session } from '@/api/session'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

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

async function create(user: ReturnType<typeof userEvent.setup>) {
  await user.click(await screen.findByLabelText('Email'))
  await user.paste('ada@example.com')
  await user.click(screen.getByLabelText('Password'))
  await user.paste('a long enough one')
  await user.click(screen.getByRole('button', { name: 'Create account' }))
}

it('signs a new user in at once, and goes where they were going', async () => {
  const user = userEvent.setup()
  let sent: unknown
  server.use(
    http.post('/api/auth/sign-in', async ({ request }) => {
      sent = await request.clone().json()
      return undefined
    }),
  )
  const router = renderAt('/sign-in?next=/connections')
  await user.click(await screen.findByRole('link', { name: 'Create one' }))
  await create(user)
  await waitFor(() => expect(router.state.location.pathname).toBe('/connections'))
  expect(sent).toEqual({ email: 'ada@example.com', password: 'a long enough one' })
  expect(session.get().status).toBe('in')
})

it('asks for the password alone where the address has an account already', async () => {
  const user = userEvent.setup()
  const refused = { title: 'Not signed in', status: 401, detail: 'Wrong address or password.' }
  server.use(http.post('/api/auth/sign-in', () => HttpResponse.json(refused, { status: 401 }), { once: true }))
  const router = renderAt('/sign-up?next=/connections')
  await create(user)
  expect(await screen.findByRole('heading', { name: 'Sign in' })).toBeTruthy()
  expect(screen.getByRole('status').textContent).toContain('If this address')
  expect(screen.getByRole<HTMLInputElement>('textbox', { name: 'Email' }).value).toBe('ada@example.com')
  await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText('Password')))
  await user.paste('the one of before')
  await user.keyboard('{Enter}')
  await waitFor(() => expect(router.state.location.pathname).toBe('/connections'))
})
