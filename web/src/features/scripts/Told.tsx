import { CircleAlert, CircleCheck, TriangleAlert } from 'lucide-react'

import { count } from '@/features/datasets/words'
import { percent } from '@/lib/numbers'
import type { Fact } from '@/ui/Layout'
import { Lines } from '@/ui/Layout'
import { Spinner } from '@/ui/Spinner'
import { Notice } from '@/ui/States'

import type { Fault, Findings, Outputs } from './types'
import type { Workbench } from './useWorkbench'
import { DOUBT_WORDS, FAULT_WORDS, faultWords, FINDING_WORDS, findingWhere, searchWords, worstOf } from './words'

/** What trying the script told: what is wrong, what comes from the future, what it gives, what it wrote. */
export function Told({ work }: { work: Workbench }) {
  const { check, fault, findings, fresh } = work
  if (check.isPending) {
    return (
      <p role="status" className="flex items-center gap-2 text-muted">
        <Spinner />
        It runs, and is searched for values from the future …
      </p>
    )
  }
  return (
    <>
      {fault && <Wrong fault={fault} />}
      {!fault && findings && <Search findings={findings} />}
      {!fault && fresh?.outputs && <Lines items={given(fresh.outputs)} />}
      {fresh && fresh.logs.length > 0 && <Log lines={fresh.logs} />}
    </>
  )
}

function Wrong({ fault }: { fault: Fault }) {
  return (
    <div role="alert" className="flex gap-3 border-l-2 border-error py-1 pl-4">
      <CircleAlert aria-hidden className="mt-0.5 size-5 shrink-0 text-error" />
      <div className="min-w-0">
        <p className="font-medium">{FAULT_WORDS[fault.kind]}</p>
        <p className="break-words whitespace-pre-wrap">{faultWords(fault)}</p>
      </div>
    </div>
  )
}

function Search({ findings }: { findings: Findings }) {
  const found = findings.findings ?? []
  const list = (
    <ul className="mt-2 space-y-2">
      {found.map((finding) => (
        <li key={`${finding.kind}-${finding.output}`} className="break-words">
          {finding.text} <span className="text-muted">{findingWhere(finding)}</span>
        </li>
      ))}
    </ul>
  )
  if (findings.state === 'unchecked') {
    return (
      <Notice kind="warning">
        {searchWords(findings)} Check it on a market with many bars, then save: the result is kept with the version.
        {found.length > 0 && list}
      </Notice>
    )
  }
  if (findings.state === 'clean') {
    return (
      <div className="text-sm">
        <p className="flex gap-2 text-muted">
          <CircleCheck aria-hidden className="size-4 shrink-0" />
          {searchWords(findings)}
        </p>
        {found.length > 0 && list}
      </div>
    )
  }
  const worst = worstOf(findings)
  return (
    <div role="alert" className="rounded-card border border-error p-4">
      <p className="flex items-center gap-2 font-semibold">
        <TriangleAlert aria-hidden className="size-5 shrink-0 text-error" />
        {FINDING_WORDS[worst]}
      </p>
      {list}
      <p className="mt-2 text-sm text-muted">
        {DOUBT_WORDS[worst]} {searchWords(findings)}
      </p>
    </div>
  )
}

function given({ plots, markers, alerts, signals, target }: Outputs): Fact[] {
  return [
    ...(plots.length > 0 ? [{ label: 'Plots', value: plots.map((plot) => plot.label).join(', ') }] : []),
    ...markers.map((marker) => ({ label: marker.label || 'Marks', value: at(marker.count) })),
    ...(signals ? [{ label: 'Signals', value: `${count(signals.up)} up, ${count(signals.down)} down` }] : []),
    ...(target ? [{ label: 'Target', value: weights(target) }] : []),
    ...alerts.map((alert) => ({ label: `Alert “${alert.message}”`, value: at(alert.count) })),
  ]
}

const at = (bars: number) => (bars === 1 ? 'at one bar' : `at ${count(bars)} bars`)

function weights({ lowest, highest }: NonNullable<Outputs['target']>): string {
  if (lowest === null || highest === null) return 'none yet'
  return lowest === highest ? percent(lowest, 0) : `${percent(lowest, 0)} to ${percent(highest, 0)}`
}

function Log({ lines }: { lines: string[] }) {
  return (
    <section aria-label="Log">
      <h2 className="mb-2 text-sm text-muted">Log</h2>
      <pre
        tabIndex={0}
        className="max-h-48 overflow-auto rounded-control bg-surface p-3 font-mono text-xs whitespace-pre-wrap"
      >
        {lines.join('\n')}
      </pre>
    </section>
  )
}
