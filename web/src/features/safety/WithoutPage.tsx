import { Check, Copy } from 'lucide-react'
import { useState } from 'react'

import { ProblemError } from '@/api/problem'

/** True when nobody answered or the server stumbled: whether anything was stopped is not known. */
export function isSilence(error: unknown): boolean {
  return !(error instanceof ProblemError) || error.problem.status >= 500
}

/** What still works when the API does not: the commands, ready to be copied. */
export function WithoutPage({ flatten }: { flatten: boolean }) {
  return (
    <div className="mt-4 rounded-control bg-surface p-4 text-sm">
      <p>On the machine that runs Holdfast, for everybody on it, this works without the API:</p>
      <Command text={flatten ? 'holdfast flatten --all' : 'holdfast stop --all'} />
      {flatten && (
        <>
          <p className="mt-3">And while the database and Redis are down too, straight at the venue:</p>
          <Command text="holdfast flatten --offline" />
        </>
      )}
    </div>
  )
}

/** Without https a browser offers no clipboard; the text is selected by a press on it anyway. */
const canCopy = () => 'clipboard' in navigator && Boolean(navigator.clipboard)

function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false)
  return (
    <p className="mt-2 flex items-center justify-between gap-3">
      <code className="font-mono text-sm break-all select-all">{text}</code>
      {canCopy() && (
        <button
          type="button"
          aria-label={`Copy ${text}`}
          className="grid size-9 shrink-0 place-items-center rounded-control hover:bg-hover"
          onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
        >
          {copied ? <Check aria-hidden className="size-4" /> : <Copy aria-hidden className="size-4" />}
        </button>
      )}
    </p>
  )
}
