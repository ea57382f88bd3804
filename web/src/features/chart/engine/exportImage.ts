/** A picture of the chart with its name, its time and where it comes from. */
import type { IChartApi } from 'lightweight-charts'

import { utcMinute } from '@/lib/times'

import type { ChartColours } from './theme'

const HEAD = 44
const FOOT = 30
const MARGIN = 14

export interface ImageWords {
  title: string
  simulated: boolean
  /** UTC seconds. */
  now: number
}

export function drawImage(chart: IChartApi, colours: ChartColours, words: ImageWords): HTMLCanvasElement {
  const shot = chart.takeScreenshot(true, false)
  const ratio = window.devicePixelRatio
  const canvas = document.createElement('canvas')
  canvas.width = shot.width
  canvas.height = shot.height + (HEAD + FOOT) * ratio
  const context = canvas.getContext('2d')
  if (!context) throw new Error('This browser draws no pictures.')
  const font = getComputedStyle(document.body).fontFamily
  context.fillStyle = colours.canvas
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(shot, 0, HEAD * ratio)
  context.scale(ratio, ratio)
  context.textBaseline = 'middle'
  const width = canvas.width / ratio
  write(context, words.title, MARGIN, HEAD / 2, `600 15px ${font}`, colours.ink)
  const foot = canvas.height / ratio - FOOT / 2
  write(context, `Holdfast · ${utcMinute(words.now)} UTC`, MARGIN, foot, `12px ${font}`, colours.muted)
  context.textAlign = 'right'
  write(context, 'TradingView Lightweight Charts™', width - MARGIN, foot, `12px ${font}`, colours.muted)
  if (words.simulated) write(context, 'Simulated market', width - MARGIN, HEAD / 2, `600 13px ${font}`, colours.error)
  return canvas
}

function write(context: CanvasRenderingContext2D, text: string, x: number, y: number, font: string, colour: string) {
  context.font = font
  context.fillStyle = colour
  context.fillText(text, x, y)
}

export function saveImage(canvas: HTMLCanvasElement, name: string): void {
  canvas.toBlob((blob) => {
    if (!blob) return
    const link = document.createElement('a')
    link.href = URL.createObjectURL(blob)
    link.download = name
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  })
}
