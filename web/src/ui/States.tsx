import clsx from 'clsx'
import { CircleAlert, Info, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'

import { asProblem } from '@/api/problem'

import { Button } from './Button'
import { ServerWords } from './ServerWords'

/** Stands for what loads. `label`: announces it, where nothing around it does. */
export function Skeleton({ className, label }: { className?: string; label?: string }) {
  const spoken = label === undefined ? { 'aria-hidden': true } : { role: 'status', 'aria-label': label }
  return <div {...spoken} className={clsx('animate-breathe rounded-control bg-hover', className)} />
}

/** Beside a value that is dimmed, for who does not see that. */
export function MayBeOld() {
  return <span className="sr-only"> (may be old)</span>
}

/** Stands for a list while it loads, in its final size. */
export function SkeletonRows({ rows = 4, label = 'Loading' }: { rows?: number; label?: string }) {
  return (
    <div role="status" aria-label={label} className="divide-y divide-hairline">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="row-height flex items-center justify-between gap-8">
          <Skeleton className="h-4 w-40" />
          <Skeleton className="h-4 w-24" />
        </div>
      ))}
    </div>
  )
}

/** One sentence and one action. */
export function EmptyState({ title, text, action }: { title: string; text: string; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-start gap-4 py-10">
      <div>
        <p className="text-lg font-medium">{title}</p>
        <p className="mt-1 max-w-[52ch] text-muted">{text}</p>
      </div>
      {action}
    </div>
  )
}

/** What happened, what to do, the request id, and a way to try again. Announced when it appears. */
export function ProblemNotice({
  error,
  retry,
  retryLabel = 'Try again',
  className,
}: {
  error: unknown
  retry?: (() => void) | undefined
  retryLabel?: string
  className?: string
}) {
  const problem = asProblem(error)
  return (
    <div role="alert" className={clsx('flex gap-3 border-l-2 border-error py-1 pl-4', className)}>
      <CircleAlert aria-hidden className="mt-0.5 size-5 shrink-0 text-error" />
      <div className="min-w-0">
        <p className="font-medium">{problem.title}</p>
        <p className="break-words">
          <ServerWords>{problem.detail}</ServerWords>
        </p>
        {problem.advice && (
          <p className="text-muted">
            <ServerWords>{problem.advice}</ServerWords>
          </p>
        )}
        {problem.request_id && (
          <p className="mt-1 text-xs text-muted">
            Request id <code className="font-mono select-all">{problem.request_id}</code>
          </p>
        )}
        {retry && problem.status !== 404 && (
          <Button size="small" className="mt-3" onClick={retry}>
            {retryLabel}
          </Button>
        )}
      </div>
    </div>
  )
}

/** A calm remark beside the data it is about. */
export function Notice({
  kind = 'info',
  children,
  className,
}: {
  kind?: 'info' | 'warning'
  children: ReactNode
  className?: string
}) {
  const Icon = kind === 'info' ? Info : TriangleAlert
  return (
    <div role="note" className={clsx('flex gap-3 rounded-control bg-surface px-4 py-3 text-sm', className)}>
      <Icon aria-hidden className="mt-px size-4 shrink-0 text-muted" />
      <div className="min-w-0">
        <span className="sr-only">{kind === 'warning' ? 'Warning: ' : 'Note: '}</span>
        {children}
      </div>
    </div>
  )
}
