import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

const css = readFileSync('src/tokens.css', 'utf8')

function block(selector: string): Record<string, string> {
  const start = css.indexOf(`${selector} {`)
  if (start < 0) throw new Error(`no ${selector}`)
  const body = css.slice(css.indexOf('{', start) + 1, css.indexOf('}', start))
  return Object.fromEntries([...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map(([, name, hex]) => [name, hex]))
}

function luminance(hex: string): number {
  const linear = (at: number) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5)
}

function contrast(theme: Record<string, string>, first: string, second: string): number {
  const [a, b] = [theme[first], theme[second]]
  if (!a || !b) throw new Error(`no colour ${first} or ${second}`)
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

const light = block(':root')
const dark = { ...light, ...block("[data-theme='dark']") }

const themes: Record<string, Record<string, string>> = {
  'light clear': light,
  'light classic': { ...light, ...block("[data-palette='classic']") },
  'light east asia': { ...light, ...block("[data-palette='east-asia']") },
  'dark clear': dark,
  'dark classic': { ...dark, ...block("[data-theme='dark'][data-palette='classic']") },
  'dark east asia': { ...dark, ...block("[data-theme='dark'][data-palette='east-asia']") },
}

describe.each(Object.entries(themes))('%s', (_, theme) => {
  it.each(['ink', 'muted', 'up', 'down', 'error'])('%s is readable on every surface', (name) => {
    for (const surface of ['canvas', 'surface']) {
      expect(contrast(theme, name, surface), `${name} on ${surface}`).toBeGreaterThanOrEqual(4.5)
    }
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('line %i of a chart can be seen', (number) => {
    expect(contrast(theme, `plot-${number}`, 'canvas')).toBeGreaterThanOrEqual(3)
  })

  it('the accent carries its text, and edges of inputs can be seen', () => {
    expect(contrast(theme, 'on-ink', 'ink')).toBeGreaterThanOrEqual(4.5)
    expect(contrast(theme, 'edge', 'canvas')).toBeGreaterThanOrEqual(3)
  })
})
