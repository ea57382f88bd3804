/** What is computed beside the bars of a chart: an indicator of the catalogue, or a script of the user's. */
import type { InputValue, ScriptInput } from '@/features/scripts/scriptInputs'
import type { ScriptLine, ScriptMarker } from '@/features/scripts/types'

import type { IndicatorView } from '../engine/IndicatorView'
import type { MarkItem } from '../marks/model'
import type { Indicator } from './catalogue'
import type { StripPage } from './strip'
import type { Timeframe } from './timeframes'
import type { BarWindow } from './windowStore'

export type Inputs = Record<string, InputValue>

export interface Question {
  inputs: Inputs
  series: string
  timeframe: Timeframe
}

export type FetchValues = (
  question: Question,
  span: { before?: number; limit: number },
  signal: AbortSignal,
) => Promise<StripPage>

/** What a script draws besides its plots. Its columns: plots, markers, signals, target. */
export interface ScriptParts {
  /** The script's page; null of one that is not saved. */
  id: string | null
  lines: readonly ScriptLine[]
  markers: readonly ScriptMarker[]
  signals: boolean
  target: boolean
  /** What it marks on the bars, `until` the last that is closed. */
  marks: (view: IndicatorView, window: BarWindow, until: number) => MarkItem[]
}

export interface Drawable extends Pick<Indicator, 'id' | 'name' | 'plots' | 'levels'> {
  inputs: readonly Pick<ScriptInput, 'name' | 'label' | 'kind' | 'default'>[]
  /** Where its values come from, unless from the catalogue's address. */
  fetch?: FetchValues
  /** Its values are not asked for again while a bar forms. */
  still?: boolean
  script?: ScriptParts
}

/** In `IndicatorSpec.id`, before the id of a script. */
const PREFIX = 'script:'

export const scriptSpecId = (id: string) => `${PREFIX}${id}`

/** The script that an indicator of a chart is, or null. */
export const scriptIdOf = (specId: string) => (specId.startsWith(PREFIX) ? specId.slice(PREFIX.length) : null)
