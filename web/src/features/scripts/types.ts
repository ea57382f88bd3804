import type { Schemas } from '@/api/client'

/** Why a script gave nothing; `line` counts from 1. */
export type Fault = Schemas['ScriptFault']
/** `time`: UTC seconds of the first bar with it. */
export type Finding = Schemas['ScriptFinding']
/** What looking for values from the future found: a search, not a proof. `series` is null of made-up bars. */
export type Findings = Schemas['ScriptFindings']
export type ScriptSummary = Schemas['ScriptSummary']
export type ScriptView = Schemas['ScriptView']
export type VersionSummary = Schemas['VersionSummary']
export type VersionView = Schemas['VersionView']
export type ScriptExample = Schemas['ScriptExample']
export type ReferenceEntry = Schemas['ReferenceEntry']
/** `colour` is one of eight, from 0. */
export type ScriptPlot = Schemas['ScriptPlot']
export type ScriptLine = Schemas['ScriptLine']
export type ScriptMarker = Omit<Schemas['CountedMarker'], 'count'>
export type Outputs = Schemas['OutputsView']
export type CheckView = Schemas['CheckView']
export type CheckWanted = Schemas['CheckWanted']
