import type { ReactNode } from 'react'

export interface Step {
  title: string
  text?: string
  /** The text is a command, to be copied. */
  code?: boolean
  more?: ReactNode
}

/** What to do, one after the other. */
export function Steps({ steps }: { steps: readonly Step[] }) {
  return (
    <ol className="space-y-7">
      {steps.map(({ title, text, code, more }, index) => (
        <li key={title} className="flex gap-4">
          <span
            aria-hidden
            className="tnum grid size-7 shrink-0 place-items-center rounded-full border border-hairline text-sm text-muted"
          >
            {index + 1}
          </span>
          <div>
            <p className="font-medium">{title}</p>
            {text && (
              <p className="mt-1 max-w-[56ch] text-muted">
                {code ? <code className="font-mono text-ink select-all">{text}</code> : text}
              </p>
            )}
            {more}
          </div>
        </li>
      ))}
    </ol>
  )
}
