import type { ChartOptions, DeepPartial } from 'lightweight-charts'
import { ColorType, CrosshairMode, LineStyle } from 'lightweight-charts'

import { token } from '@/lib/appearance'
import { signedPercent } from '@/lib/numbers'

/** Resolved colours: a canvas understands neither variables nor oklch. */
export interface ChartColours {
  canvas: string
  surface: string
  hairline: string
  edge: string
  ink: string
  onInk: string
  muted: string
  up: string
  down: string
  error: string
  plots: string[]
}

export const PLOT_COLOURS = 8

export function readColours(): ChartColours {
  return {
    canvas: token('canvas'),
    surface: token('surface'),
    hairline: token('hairline'),
    edge: token('edge'),
    ink: token('ink'),
    onInk: token('on-ink'),
    muted: token('muted'),
    up: token('up'),
    down: token('down'),
    error: token('error'),
    plots: Array.from({ length: PLOT_COLOURS }, (_, index) => token(`plot-${index + 1}`)),
  }
}

/** A `#rrggbb` colour, or what a build shortens one to, with an opacity between 0 and 1. */
export function faded(hex: string, opacity: number): string {
  const whole = hex.length === 4 ? hex.replaceAll(/[^#]/g, '$&$&') : hex
  return `${whole}${Math.round(opacity * 255)
    .toString(16)
    .padStart(2, '0')}`
}

export const FIXED_OPTIONS: DeepPartial<ChartOptions> = {
  autoSize: true,
  rightPriceScale: { borderVisible: false, minimumWidth: 64, scaleMargins: { top: 0.12, bottom: 0.06 } },
  timeScale: {
    borderVisible: false,
    timeVisible: true,
    secondsVisible: false,
    rightOffset: 6,
    barSpacing: 7,
    minBarSpacing: 0.2,
  },
  localization: { percentageFormatter: (value: number) => signedPercent(value / 100) },
  kineticScroll: { mouse: false, touch: true },
}

export function themedOptions(colours: ChartColours): DeepPartial<ChartOptions> {
  const line = { color: colours.edge, style: LineStyle.Dashed, labelBackgroundColor: colours.ink }
  return {
    layout: {
      attributionLogo: false,
      background: { type: ColorType.Solid, color: colours.canvas },
      textColor: colours.muted,
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 12,
      panes: { separatorColor: colours.hairline, separatorHoverColor: faded(colours.edge, 0.3), enableResize: true },
    },
    grid: { vertLines: { color: faded(colours.hairline, 0.6) }, horzLines: { color: faded(colours.hairline, 0.6) } },
    crosshair: { mode: CrosshairMode.Normal, vertLine: line, horzLine: line },
  }
}
