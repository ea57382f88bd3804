import { X } from 'lucide-react'
import { Dialog as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

import { useModal } from './modal'

/** A dialog that names itself, traps the focus and gives it back. A sheet from below on a phone. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  wide = false,
  children,
}: {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  description?: string
  /** For what is looked at rather than read. */
  wide?: boolean
  children: ReactNode
}) {
  const modal = useModal(() => onOpenChange(false))
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-[rgb(0_0_0/0.4)]" />
        <Radix.Content
          {...modal}
          className={
            'fixed inset-x-0 bottom-0 z-50 max-h-[85dvh] animate-enter overflow-y-auto rounded-t-sheet bg-canvas ' +
            'p-6 pb-[max(24px,env(safe-area-inset-bottom))] shadow-sheet md:inset-x-auto md:top-[12vh] md:bottom-auto ' +
            'md:left-1/2 md:-translate-x-1/2 md:rounded-sheet ' +
            (wide ? 'md:top-[6vh] md:w-[min(1100px,calc(100vw-64px))]' : 'md:w-[480px]')
          }
          {...(description ? {} : { 'aria-describedby': undefined })}
        >
          <Radix.Title className="pr-10 text-xl font-semibold">{title}</Radix.Title>
          {description && <Radix.Description className="mt-2 text-muted">{description}</Radix.Description>}
          <div className="mt-6">{children}</div>
          <Radix.Close
            aria-label="Close"
            className="absolute top-4 right-4 grid size-11 place-items-center rounded-control text-muted hover:bg-hover hover:text-ink"
          >
            <X aria-hidden className="size-5" />
          </Radix.Close>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
