import { act, render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { afterEach, expect, it, vi } from 'vitest'

import { Dialog } from './Dialog'
import { Toaster } from './Toaster'
import { toast, toasts } from './toasts'

afterEach(() => toasts.set([]))

async function openWithMessage() {
  const close = vi.fn()
  render(
    <>
      <Dialog open onOpenChange={close} title="Limits">
        <button>Save</button>
      </Dialog>
      <Toaster />
    </>,
  )
  act(() => toast('An alert has fired.'))
  return { close, message: await screen.findByRole('listitem', { hidden: true }) }
}

it('closes by Escape while a message lies over it, and the message stays to be read', async () => {
  const { close } = await openWithMessage()
  await userEvent.keyboard('{Escape}')
  expect(close.mock.calls).toEqual([[false]])
  expect(toasts.get()).toHaveLength(1)
})

it('closes once where no message lies over it', async () => {
  const { close } = await openWithMessage()
  act(() => toasts.set([]))
  await userEvent.keyboard('{Escape}')
  expect(close.mock.calls).toEqual([[false]])
})

it('lets Escape close the message that has the focus', async () => {
  render(<Toaster />)
  act(() => toast('An alert has fired.'))
  const message = await screen.findByRole('listitem')
  act(() => message.focus())
  await userEvent.keyboard('{Escape}')
  await waitFor(() => expect(toasts.get()).toHaveLength(0))
})

function Opening({ keeps = true }: { keeps?: boolean }) {
  const [open, setOpen] = useState(false)
  return (
    <main id="main" tabIndex={-1}>
      {(keeps || !open) && <button onClick={() => setOpen(true)}>Look</button>}
      {open && (
        <Dialog open onOpenChange={setOpen} title="Limits">
          <input aria-label="Size" autoFocus />
        </Dialog>
      )}
    </main>
  )
}

it('gives the focus back to what opened it, by Escape and by its own button', async () => {
  render(<Opening />)
  const opener = screen.getByRole('button', { name: 'Look' })
  await userEvent.click(opener)
  await userEvent.keyboard('{Escape}')
  await waitFor(() => expect(document.activeElement).toBe(opener))
  await userEvent.click(opener)
  expect(document.activeElement).toBe(screen.getByRole('textbox', { name: 'Size' }))
  await userEvent.click(screen.getByRole('button', { name: 'Close' }))
  await waitFor(() => expect(document.activeElement).toBe(opener))
})

it('gives the focus to the page where what opened it is gone', async () => {
  render(<Opening keeps={false} />)
  await userEvent.click(screen.getByRole('button', { name: 'Look' }))
  await userEvent.keyboard('{Escape}')
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('main')))
})
