import clsx from 'clsx'
import type { ReactNode } from 'react'
import { useEffect } from 'react'

/** A page: its title names the tab, heads the page, and stands beside the page's one or two actions. */
export function Page({
  title,
  above,
  actions,
  hideTitle = false,
  narrow = false,
  children,
}: {
  title: string
  above?: ReactNode
  actions?: ReactNode
  hideTitle?: boolean
  narrow?: boolean
  children: ReactNode
}) {
  useEffect(() => {
    document.title = `${title} · Holdfast`
  }, [title])
  return (
    <div className={clsx('mx-auto w-full animate-enter', narrow ? 'max-w-[680px]' : 'max-w-[1120px]')}>
      {above && <div className="mb-4 text-sm text-muted">{above}</div>}
      <header
        className={clsx('mb-8 flex flex-wrap items-center justify-between gap-x-6 gap-y-3', hideTitle && 'sr-only')}
      >
        <h1 className="text-2xl">{title}</h1>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** A part of a page under its own heading; hairline above, no box. */
export function Section({
  title,
  note,
  actions,
  children,
  className,
}: {
  title: string
  note?: ReactNode
  actions?: ReactNode
  children: ReactNode
  className?: string
}) {
  return (
    <section aria-label={title} className={clsx('mt-12', className)}>
      <div className="mb-4 flex flex-wrap items-end justify-between gap-x-4 gap-y-2">
        <div>
          <h2 className="text-lg">{title}</h2>
          {note && <p className="mt-1 max-w-[64ch] text-sm text-muted">{note}</p>}
        </div>
        {actions}
      </div>
      {children}
    </section>
  )
}

export interface Fact {
  label: string
  value: ReactNode
  hint?: ReactNode
}

/** Label and value pairs in a row that wraps, or, when there are many, in columns. */
export function Facts({ items, columns = false, className }: { items: Fact[]; columns?: boolean; className?: string }) {
  return (
    <dl
      className={clsx(
        'grid grid-cols-2 gap-x-8 gap-y-6',
        columns ? 'sm:grid-cols-4' : 'sm:flex sm:flex-wrap sm:gap-x-12',
        className,
      )}
    >
      {items.map((item) => (
        <div key={item.label} className="min-w-0">
          <dt className="text-sm text-muted">{item.label}</dt>
          <dd className="tnum mt-0.5 text-lg font-medium">{item.value}</dd>
          {item.hint && <dd className="mt-0.5 text-xs text-muted">{item.hint}</dd>}
        </div>
      ))}
    </dl>
  )
}

/** Label left, value right, one below the other: for summaries beside a form. */
export function Lines({ items, className }: { items: Fact[]; className?: string }) {
  return (
    <dl className={clsx('text-sm', className)}>
      {items.map((item) => (
        <div key={item.label} className="flex items-baseline justify-between gap-4 py-1.5">
          <dt className="text-muted">{item.label}</dt>
          <dd className="tnum text-right font-medium">
            {item.value}
            {item.hint && <span className="block text-xs font-normal text-muted">{item.hint}</span>}
          </dd>
        </div>
      ))}
    </dl>
  )
}
