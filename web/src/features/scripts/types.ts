import type { ScriptInput } from './scriptInputs'

/** Why a script gave nothing; `line` counts from 1. */
export interface Fault {
  kind: 'syntax' | 'script' | 'limit' | 'refused' | 'result'
  message: string
  line: number | null
}

/** `time`: UTC seconds of the first bar with it. */
export interface Finding {
  kind: 'future' | 'random' | 'start'
  output: string
  time: number | null
  text: string
}

/** What looking for values from the future found: a search, not a proof. `series` is null of made-up bars. */
export interface Findings {
  state: 'clean' | 'suspect' | 'unchecked'
  findings: Finding[]
  complete: boolean
  runs: number
  bars: number
  series: string | null
  timeframe: string | null
}

export interface ScriptSummary {
  id: string
  name: string
  version: number
  title: string
  overlay: boolean
  inputs: ScriptInput[]
  error: Fault | null
  findings: Findings
  created_at: string
  updated_at: string
}

export interface VersionSummary {
  number: number
  title: string
  sha256: string
  created_at: string
}

export interface ScriptView extends ScriptSummary {
  pane: string
  source: string
  sha256: string
  versions: VersionSummary[]
}

export interface VersionView extends VersionSummary {
  script_id: string
  source: string
  overlay: boolean
  pane: string
  inputs: ScriptInput[]
  error: Fault | null
  findings: Findings
}

export interface ScriptExample {
  id: string
  name: string
  about: string
  source: string
}

export interface ReferenceEntry {
  name: string
  kind: 'function' | 'value' | 'module'
  signature: string
  help: string
}

export interface ScriptPlot {
  id: string
  label: string
  kind: 'line' | 'columns' | 'histogram' | 'area' | 'dots'
  pane: 'price' | 'own'
  colour: number
}

export interface ScriptLine {
  value: number
  label: string
  colour: number
}

export interface ScriptMarker {
  label: string
  shape: 'up' | 'down' | 'circle' | 'flag'
  at: 'below' | 'above'
  colour: number
}

export interface Outputs {
  plots: ScriptPlot[]
  lines: ScriptLine[]
  markers: (ScriptMarker & { count: number })[]
  alerts: { message: string; count: number }[]
  signals: { up: number; down: number } | null
  target: { given: number; lowest: number | null; highest: number | null } | null
}

export interface CheckView {
  title: string
  overlay: boolean
  pane: string
  inputs: ScriptInput[]
  outputs: Outputs | null
  logs: string[]
  error: Fault | null
  findings: Findings
  series: string | null
  timeframe: string
  bars: number
}
