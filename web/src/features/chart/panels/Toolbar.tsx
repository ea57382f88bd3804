import type { LucideIcon } from 'lucide-react'
import { ChartNoAxesColumn, ChartSpline, GitCompareArrows, ImageDown, Maximize2, Minimize2, Search } from 'lucide-react'
import type { ComponentProps } from 'react'

import type { Timeframe } from '../data/timeframes'
import { TIMEFRAME_KEYS, TIMEFRAMES, timeframeWords, unmadeWords } from '../data/timeframes'
import type { ChartSpec, ChartType, ScaleMode } from '../engine/spec'
import { CHART_TYPES, SCALES } from '../engine/spec'
import { SCALE_WORDS, TYPE_WORDS } from '../words'

const RARE = TIMEFRAMES.filter((each) => !TIMEFRAME_KEYS.includes(each))

interface Props {
  spec: ChartSpec
  symbol: string
  /** How long the bars are that all others are made of, where that is known. */
  base: Timeframe | undefined
  onSearch: () => void
  onTimeframe: (timeframe: Timeframe) => void
  full: boolean
  onChange: (change: Partial<ChartSpec>) => void
  onIndicators: () => void
  onCompare: () => void
  onFullscreen: () => void
  onImage: () => void
  children?: React.ReactNode
}

/** What the chart shows, in one line that scrolls sideways where it is narrow; `bare`: while there is no chart. */
export function Toolbar({ before, bare, ...tools }: Props & { before: React.ReactNode; bare: boolean }) {
  return (
    <div
      role="toolbar"
      aria-label="Chart"
      className="relative flex h-12 shrink-0 items-center gap-1 overflow-x-auto border-b border-hairline px-2 md:h-11"
    >
      {before}
      {!bare && <Tools {...tools} />}
    </div>
  )
}

function Tools(props: Props) {
  const { spec, symbol, base, full, onSearch, onTimeframe, onChange } = props
  const screen = full ? 'Leave full screen' : 'Full screen'
  return (
    <>
      <ToolButton onClick={onSearch} aria-label={`Symbol ${symbol}, search for another`} className="font-semibold">
        <Search aria-hidden className="size-4 text-muted" />
        <span className="max-w-36 truncate">{symbol}</span>
      </ToolButton>
      <Line />
      <Timeframes timeframe={spec.timeframe} base={base} onPick={onTimeframe} />
      <Line />
      <ToolSelect
        label="Type of chart"
        value={spec.type}
        options={CHART_TYPES.map((each) => [each, TYPE_WORDS[each]])}
        onPick={(value) => onChange({ type: value as ChartType })}
      />
      <ToolSelect
        label="Price scale"
        value={spec.scale}
        options={SCALES.map((each) => [each, SCALE_WORDS[each]])}
        onPick={(value) => onChange({ scale: value as ScaleMode })}
      />
      <ToolButton aria-pressed={spec.volume} title="Volume" onClick={() => onChange({ volume: !spec.volume })}>
        <ChartNoAxesColumn aria-hidden className="size-4" />
      </ToolButton>
      <Line />
      <LabelledTool icon={ChartSpline} label="Indicators" onClick={props.onIndicators} />
      <LabelledTool icon={GitCompareArrows} label="Compare" onClick={props.onCompare} />
      {props.children}
      <span className="right-0 ml-auto flex bg-canvas md:sticky">
        <ToolButton onClick={props.onImage} title="Save as image">
          <ImageDown aria-hidden className="size-4" />
        </ToolButton>
        <ToolButton onClick={props.onFullscreen} aria-label={screen} title={`${screen} (${full ? 'Esc' : 'f'})`}>
          {full ? <Minimize2 aria-hidden className="size-4" /> : <Maximize2 aria-hidden className="size-4" />}
        </ToolButton>
      </span>
    </>
  )
}

/** Those that the bars cannot make are shown and say why. */
function Timeframes({
  timeframe,
  base,
  onPick,
}: {
  timeframe: Timeframe
  base: Timeframe | undefined
  onPick: (timeframe: Timeframe) => void
}) {
  const option = (each: Timeframe): Option => [each, each, unmadeWords(each, base)]
  return (
    <>
      <div role="group" aria-label="Timeframe" className="flex max-[1439px]:hidden">
        {TIMEFRAME_KEYS.map((each, index) => {
          const unmade = unmadeWords(each, base)
          return (
            <ToolButton
              key={each}
              aria-pressed={each === timeframe}
              aria-disabled={unmade !== '' || undefined}
              aria-label={`${each}: ${unmade || timeframeWords(each)}`}
              title={unmade || `${timeframeWords(each)} (${index + 1})`}
              onClick={() => onPick(each)}
            >
              {each}
            </ToolButton>
          )
        })}
      </div>
      <ToolSelect
        label="Timeframe"
        value={timeframe}
        options={TIMEFRAMES.map(option)}
        onPick={(value) => onPick(value as Timeframe)}
        className="min-[1440px]:hidden"
      />
      <ToolSelect
        label="More timeframes"
        value={TIMEFRAME_KEYS.includes(timeframe) ? '' : timeframe}
        options={[['', 'More'], ...RARE.map(option)]}
        onPick={(value) => value && onPick(value as Timeframe)}
        className="max-[1439px]:hidden"
      />
    </>
  )
}

export function Line() {
  return <span aria-hidden className="mx-1 h-5 w-px shrink-0 bg-hairline" />
}

export function ToolButton({ className = '', ...rest }: ComponentProps<'button'>) {
  return (
    <button
      type="button"
      className={
        'inline-flex h-8 shrink-0 items-center gap-1.5 rounded-control px-1.5 text-sm whitespace-nowrap text-ink ' +
        'hover:bg-hover disabled:opacity-40 aria-disabled:opacity-40 aria-pressed:bg-ink aria-pressed:text-on-ink max-md:h-11 max-md:min-w-11 max-md:justify-center ' +
        className
      }
      {...rest}
    />
  )
}

/** `unless`: why it cannot be chosen; '' if it can. */
type Option = [value: string, label: string, unless?: string]

/** Says its name where there is room, and to screen readers. */
export function LabelledTool({
  icon: Icon,
  label,
  title = label,
  onClick,
}: {
  icon: LucideIcon
  label: string
  title?: string
  onClick: () => void
}) {
  return (
    <ToolButton title={title} onClick={onClick}>
      <Icon aria-hidden className="size-4 text-muted" />
      <span className="max-[1799px]:sr-only">{label}</span>
    </ToolButton>
  )
}

/** A native list in the look of the toolbar. */
export function ToolSelect({
  label,
  value,
  options,
  onPick,
  className = '',
}: {
  label: string
  value: string
  options: Option[]
  onPick: (value: string) => void
  className?: string
}) {
  return (
    <select
      aria-label={label}
      title={label}
      value={value}
      onChange={(event) => onPick(event.target.value)}
      className={`h-8 shrink-0 rounded-control bg-canvas px-1 [field-sizing:content] text-sm text-ink hover:bg-hover max-md:h-11 ${className}`}
    >
      {options.map(([key, text, unless]) => (
        <option key={key} value={key} disabled={Boolean(unless)} title={unless}>
          {text}
        </option>
      ))}
    </select>
  )
}
