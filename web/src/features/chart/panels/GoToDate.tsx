import type { FormEvent } from 'react'
import { useState } from 'react'

import { serverNow } from '@/lib/clock'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field } from '@/ui/Field'

import { secondsOf } from '../data/timeframes'
import type { ChartEngine } from '../engine/ChartEngine'
import { minuteText, problemOf } from './pastMoment'

const DAY_OF_TEXT = 10

/** Brings a moment to the screen: a day where bars are days or longer, else a minute. */
export default function GoToDate({ engine, onClose }: { engine: ChartEngine; onClose: () => void }) {
  const isDaily = secondsOf(engine.feed.state.get().timeframe) >= secondsOf('1d')
  const textOf = (ms: number) => minuteText(ms).slice(0, isDaily ? DAY_OF_TEXT : undefined)
  const [typed, setTyped] = useState(() => textOf(middleOf(engine)))
  const [problem, setProblem] = useState<string>()

  function go(event: FormEvent) {
    event.preventDefault()
    const time = Date.parse(isDaily ? typed : `${typed}Z`)
    const refused = problemOf(time)
    setProblem(refused)
    if (refused) return
    engine.opener.goTo(time / 1000)
    onClose()
  }

  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Go to date">
      <form noValidate onSubmit={go}>
        <Field
          autoFocus
          type={isDaily ? 'date' : 'datetime-local'}
          label={isDaily ? 'Date (UTC)' : 'Date and time (UTC)'}
          value={typed}
          max={textOf(serverNow())}
          error={problem}
          onChange={(event) => setTyped(event.target.value)}
        />
        <Button type="submit" kind="primary" className="mt-6 w-full">
          Go there
        </Button>
      </form>
    </Dialog>
  )
}

/** The moment in the middle of the screen, where one is now. */
function middleOf(engine: ChartEngine): number {
  const span = engine.viewport.span()
  const now = serverNow()
  return span ? Math.min(now, (span.from + span.to) * 500) : now
}
