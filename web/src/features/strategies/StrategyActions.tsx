import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { ChartCandlestick, Pause, Pencil, Play, Square, Trash2 } from 'lucide-react'
import { useState } from 'react'

import { problemWords } from '@/api/problem'
import { NARROW, Words } from '@/features/backtests/BacktestActions'
import { splitSeries } from '@/features/chart/data/series'
import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { toast } from '@/ui/toasts'

import { changeStrategy, deleteStrategy, strategyQuery } from './queries'
import { RenameStrategy } from './RenameStrategy'
import type { Strategy } from './types'
import { isOver } from './words'

const STALE = [['strategies'], ['strategy']]

/** Pause, resume, stop, rename; delete what is over. */
export function StrategyActions({ strategy }: { strategy: Strategy }) {
  const [open, setOpen] = useState<'stop' | 'rename' | 'delete' | null>(null)
  const navigate = useNavigate()
  const { id, name } = strategy
  const [venue, symbol] = splitSeries(strategy.series)
  const close = () => setOpen(null)
  return (
    <>
      {!isOver(strategy) && <PauseButton strategy={strategy} />}
      {!isOver(strategy) && (
        <Button className={NARROW} onClick={() => setOpen('stop')}>
          <Square aria-hidden className="size-4" />
          Stop
        </Button>
      )}
      <Button asChild className={NARROW}>
        <Link
          to="/chart/$source/$symbol"
          params={{ source: venue, symbol }}
          search={{ tf: strategy.timeframe }}
          aria-label="Open on chart"
        >
          <ChartCandlestick aria-hidden className="size-4" />
          <Words short="Chart" long="Open on chart" />
        </Link>
      </Button>
      <Button kind="quiet" className={NARROW} aria-label="Rename" onClick={() => setOpen('rename')}>
        <Pencil aria-hidden className="size-4" />
        <span className="max-md:hidden">Rename</span>
      </Button>
      {isOver(strategy) && (
        <Button kind="quiet" className={NARROW} aria-label="Delete" onClick={() => setOpen('delete')}>
          <Trash2 aria-hidden className="size-4" />
          <span className="max-md:hidden">Delete</span>
        </Button>
      )}
      {open === 'rename' && <RenameStrategy strategy={strategy} onClose={close} />}
      {open === 'stop' && (
        <ConfirmDialog
          title={`Stop “${name}”?`}
          text="It decides nothing any more and cannot be resumed. What it holds on paper is closed at the next open. Its record stays."
          action="Stop it"
          danger
          perform={(key) => changeStrategy(id, 'stop', key)}
          said={`“${name}” is stopped.`}
          stale={STALE}
          onClose={close}
        />
      )}
      {open === 'delete' && (
        <ConfirmDialog
          title={`Delete “${name}”?`}
          text="Its events, fills and equity are deleted for good. The script stays."
          action="Delete"
          danger
          perform={(key) => deleteStrategy(id, key)}
          said={`“${name}” is deleted.`}
          stale={[['strategies']]}
          onDone={() => void navigate({ to: '/strategies', replace: true })}
          onClose={close}
        />
      )}
    </>
  )
}

/** One press, because one more press takes it back. */
function PauseButton({ strategy }: { strategy: Strategy }) {
  const client = useQueryClient()
  const [key, setKey] = useState(randomKey)
  const change = strategy.state === 'paper' ? 'pause' : 'resume'
  const work = useMutation({
    mutationFn: () => changeStrategy(strategy.id, change, key),
    onSuccess: (changed) => {
      setKey(randomKey())
      client.setQueryData(strategyQuery(strategy.id).queryKey, changed)
      for (const queryKey of STALE) void client.invalidateQueries({ queryKey })
    },
    onError: (error) => toast(problemWords(error)),
  })
  return (
    <Button busy={work.isPending} className={NARROW} onClick={() => work.mutate()}>
      {change === 'pause' ? <Pause aria-hidden className="size-4" /> : <Play aria-hidden className="size-4" />}
      {change === 'pause' ? 'Pause' : 'Resume'}
    </Button>
  )
}
