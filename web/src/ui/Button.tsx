import clsx from 'clsx'
import { Slot } from 'radix-ui'
import type { ComponentProps } from 'react'

import { Spinner } from './Spinner'

export interface ButtonProps extends ComponentProps<'button'> {
  kind?: 'primary' | 'secondary' | 'quiet' | 'danger' | 'alarm'
  size?: 'small' | 'medium' | 'large'
  /** Shows that work is under way and ignores further presses, keeping the focus. */
  busy?: boolean
  asChild?: boolean
}

const KINDS = {
  primary: 'bg-ink text-on-ink hover:opacity-85',
  secondary: 'border border-hairline bg-canvas text-ink hover:bg-hover',
  quiet: 'text-ink hover:bg-hover',
  danger: 'border border-error text-error hover:bg-hover',
  alarm: 'bg-error text-canvas hover:bg-[color-mix(in_srgb,var(--error)_85%,var(--ink))]',
}

const SIZES = {
  small: 'h-8 px-3 text-sm max-md:h-11',
  medium: 'h-11 px-5 text-base',
  large: 'h-14 px-7 text-lg',
}

export function Button({
  kind = 'secondary',
  size = 'medium',
  busy = false,
  asChild = false,
  className,
  children,
  onClick,
  type,
  ...rest
}: ButtonProps) {
  const look = clsx(
    'relative inline-flex shrink-0 items-center justify-center gap-2 rounded-control font-medium whitespace-nowrap',
    'transition-[background-color,opacity] select-none disabled:cursor-not-allowed disabled:opacity-40',
    KINDS[kind],
    SIZES[size],
    className,
  )
  if (asChild) {
    return (
      <Slot.Root className={look} {...rest}>
        {children}
      </Slot.Root>
    )
  }
  return (
    <button
      type={type ?? 'button'}
      className={look}
      aria-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      {...rest}
    >
      {busy && <Spinner />}
      {children}
    </button>
  )
}
