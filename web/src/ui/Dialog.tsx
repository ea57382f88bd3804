import { Dialog as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

import { escapeCloses } from './escape'

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
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-[rgb(0_0_0/0.4)]" />
        <Radix.Content
          {...escapeCloses(() => onOpenChange(false))}
          className={
            'fixed inset-x-0 bottom-0 z-50 max-h-[85dvh] animate-enter overflow-y-auto rounded-t-sheet bg-canvas ' +
            'p-6 pb-[max(24px,env(safe-area-inset-bottom))] shadow-sheet md:inset-x-auto md:top-[12vh] md:bottom-auto ' +
            'md:left-1/2 md:-translate-x-1/2 md:rounded-sheet ' +
            (wide ? 'md:top-[6vh] md:w-[min(1100px,calc(100vw-64px))]' : 'md:w-[480px]')
          }
          {...(description ? {} : { 'aria-describedby': undefined })}
        >
          <Radix.Title className="text-xl font-semibold">{title}</Radix.Title>
          {description && <Radix.Description className="mt-2 text-muted">{description}</Radix.Description>}
          <div className="mt-6">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}
