import { Toast } from 'radix-ui'
import { useRef } from 'react'

import { useStore } from '@/lib/store'

import { ServerWords } from './ServerWords'
import type { ToastMessage } from './toasts'
import { dismissToast, toasts } from './toasts'

export function Toaster() {
  const messages = useStore(toasts)
  return (
    <Toast.Provider duration={6000} label="Message">
      {messages.map((message) => (
        <Message key={message.id} message={message} />
      ))}
      <Toast.Viewport
        label="Messages ({hotkey})"
        className="fixed right-4 bottom-20 z-50 flex w-[min(360px,calc(100vw-32px))] flex-col gap-2 md:bottom-4"
      />
    </Toast.Provider>
  )
}

/** Escape is for what has the focus: pressed elsewhere, say in a dialog, it takes no message away unread. */
function Message({ message }: { message: ToastMessage }) {
  const item = useRef<HTMLLIElement>(null)
  const pressedElsewhere = useRef(false)

  function close() {
    if (!pressedElsewhere.current) dismissToast(message.id)
    pressedElsewhere.current = false
  }

  return (
    <Toast.Root
      ref={item}
      open
      onEscapeKeyDown={({ target }) => {
        pressedElsewhere.current = !item.current?.parentElement?.contains(target as Node)
      }}
      onOpenChange={close}
      className="animate-enter rounded-card bg-ink px-4 py-3 text-sm text-on-ink shadow-sheet"
    >
      <Toast.Description>
        <ServerWords>{message.text}</ServerWords>
      </Toast.Description>
    </Toast.Root>
  )
}
