import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'

import { problem } from '@/mocks/answers'
import { journal, resetJournal } from '@/mocks/journal'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

mockedServer()
beforeEach(() => {
  resetJournal()
  sessionStorage.clear()
  URL.createObjectURL = () => 'blob:picture'
  URL.revokeObjectURL = () => undefined
})

const SENT = { id: '00000000-0000-4000-8000-0000000000f9', content_type: 'image/png', width: 3, height: 2, size: 80 }
const picture = () => new File(['x'], 'shot.png', { type: 'image/png' })
const form = () => screen.findByRole('form', { name: 'New entry' })

/** Pictures stay on their way until what is returned is called. */
function slowly(): () => void {
  let arrive = () => {}
  const way = new Promise<void>((resolve) => (arrive = resolve))
  server.use(
    http.post('/api/journal/images', async () => {
      await way
      return HttpResponse.json(SENT, { status: 201 })
    }),
  )
  return () => arrive()
}

describe('pictures', () => {
  it('waits for a picture that is still being sent, and keeps nothing of it after saving', async () => {
    const user = userEvent.setup()
    const arrive = slowly()
    const router = renderAt('/journal?new=1')
    const written = within(await form())
    await user.type(written.getByRole('textbox', { name: 'Title' }), 'With a picture')
    await user.upload(written.getByLabelText('Add pictures'), picture())
    await user.click(written.getByRole('button', { name: 'Save' }))
    expect(await written.findByText('A picture is still on its way.')).toBeTruthy()
    expect(journal.bodies).toHaveLength(0)
    arrive()
    await written.findByRole('button', { name: 'Take picture 1 away' })
    await user.click(written.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(router.state.location.pathname).toMatch(/^\/journal\/0/))
    expect(journal.bodies).toMatchObject([{ images: [SENT.id] }])
    expect(sessionStorage).toHaveLength(0)
  })

  it('goes without a picture that is left out on its way, and says which files it does not take', async () => {
    const user = userEvent.setup()
    const arrive = slowly()
    renderAt('/journal?new=1')
    const written = within(await form())
    const files = [new File(['x'], 'notes.txt', { type: 'text/plain' }), ...Array.from({ length: 9 }, picture)]
    fireEvent.drop(written.getByText(/paste or drop/), { dataTransfer: { files } })
    expect(
      await written.findByText(/No pictures, left out: notes.txt. .* at most 8 pictures, left out: shot.png./),
    ).toBeTruthy()
    for (const each of written.getAllByRole('button', { name: 'Leave it out' })) await user.click(each)
    arrive()
    await user.type(written.getByRole('textbox', { name: 'Title' }), 'Without')
    await user.click(written.getByRole('button', { name: 'Save' }))
    await waitFor(() => expect(journal.bodies).toMatchObject([{ images: [] }]))
  })

  it('pastes text into a field even where a picture is copied with it', async () => {
    renderAt('/journal?new=1')
    const written = within(await form())
    const copied = { files: [picture()], types: ['text/plain', 'Files'] }
    expect(fireEvent.paste(written.getByRole('textbox', { name: 'Text' }), { clipboardData: copied })).toBe(true)
    expect(written.queryByText(/Sending/)).toBeNull()
    expect(fireEvent.paste(window, { clipboardData: copied })).toBe(false)
    expect(await written.findByRole('button', { name: 'Take picture 1 away' })).toBeTruthy()
  })

  it('says what is wrong with a picture, and goes on without it', async () => {
    const user = userEvent.setup()
    server.use(
      http.post('/api/journal/images', () =>
        problem(422, 'invalid-input', 'This picture is damaged.', 'Save it again.'),
      ),
    )
    renderAt('/journal?new=1')
    const written = within(await form())
    await user.upload(written.getByLabelText('Add pictures'), picture())
    expect(await written.findByText(/shot.png: This picture is damaged. Save it again./)).toBeTruthy()
    await user.click(written.getByRole('button', { name: 'Leave it out' }))
    expect(written.queryByText(/damaged/)).toBeNull()
  })
})
