import { Toast } from 'radix-ui'

import { useStore } from '@/lib/store'

import { dismissToast, toasts } from './toasts'

export function Toaster() {
  const messages = useStore(toasts)
  return (
    <Toast.Provider duration={6000} label="Message">
      {messages.map((message) => (
        <Toast.Root
          key={message.id}
          onOpenChange={(open) => !open && dismissToast(message.id)}
          className="animate-enter rounded-card bg-ink px-4 py-3 text-sm text-on-ink shadow-sheet"
        >
          <Toast.Description>{message.text}</Toast.Description>
        </Toast.Root>
      ))}
      <Toast.Viewport
        label="Messages ({hotkey})"
        className="fixed right-4 bottom-20 z-50 flex w-[min(360px,calc(100vw-32px))] flex-col gap-2 md:bottom-4"
      />
    </Toast.Provider>
  )
}
