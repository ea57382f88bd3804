import clsx from 'clsx'
import { useMemo } from 'react'

import { differenceRows } from './differenceRows'

const LOOKS = {
  both: { sign: '', look: '' },
  theirs: { sign: '−', look: 'bg-[color-mix(in_srgb,var(--down)_12%,transparent)]' },
  mine: { sign: '+', look: 'bg-[color-mix(in_srgb,var(--up)_12%,transparent)]' },
}

/** The lines in which two texts differ, one below the other. */
export default function Difference({ theirs, mine, version }: { theirs: string; mine: string; version: number }) {
  const rows = useMemo(() => differenceRows(theirs, mine), [theirs, mine])
  if (rows.length === 0) return <p className="text-sm text-muted">The text is the same.</p>
  const only = { both: '', theirs: `Only in version ${version}: `, mine: 'Only in yours: ' }
  return (
    <div>
      <p className="mb-2 flex flex-wrap gap-x-4 text-sm text-muted">
        <span>
          <span className="font-mono text-down">−</span> only in version {version}
        </span>
        <span>
          <span className="font-mono text-up">+</span> only in yours
        </span>
      </p>
      <div
        role="region"
        aria-label="What differs"
        tabIndex={0}
        className="max-h-[38vh] overflow-auto rounded-control border border-hairline py-1 font-mono text-xs"
      >
        <ul className="w-max min-w-full">
          {rows.map(({ kind, text }, at) =>
            kind === 'gap' ? (
              <li key={at} className="px-3 py-1 text-muted select-none">
                <span aria-hidden>⋯</span>
                <span className="sr-only">Lines that both have</span>
              </li>
            ) : (
              <li key={at} className={clsx('flex gap-2 px-3 leading-5 whitespace-pre', LOOKS[kind].look)}>
                <span aria-hidden className="w-2 shrink-0 select-none">
                  {LOOKS[kind].sign}
                </span>
                {only[kind] && <span className="sr-only">{only[kind]}</span>}
                <code>{text || ' '}</code>
              </li>
            ),
          )}
        </ul>
      </div>
    </div>
  )
}
