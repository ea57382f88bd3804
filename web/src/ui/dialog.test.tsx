import { act, render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
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
