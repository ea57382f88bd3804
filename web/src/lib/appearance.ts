import { createStore } from './store'

type Theme = 'system' | 'light' | 'dark'
type Palette = 'clear' | 'classic' | 'east-asia'
type Density = 'comfortable' | 'compact'

/** `letterKeys`: single-letter shortcuts can be switched off (WCAG 2.1.4). */
export interface Appearance {
  theme: Theme
  palette: Palette
  density: Density
  letterKeys: boolean
}

const KEY = 'holdfast.appearance'
const STANDARD: Appearance = { theme: 'system', palette: 'clear', density: 'comfortable', letterKeys: true }

function stored(): Appearance {
  try {
    return { ...STANDARD, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Appearance>) }
  } catch {
    return STANDARD
  }
}

export const appearance = createStore<Appearance>(stored())

/** Counts up whenever the resolved colours change, so that canvases repaint. */
export const paintRevision = createStore(0)

const darkPreferred = () => window.matchMedia('(prefers-color-scheme: dark)')

export function changeAppearance(change: Partial<Appearance>): void {
  appearance.set({ ...appearance.get(), ...change })
  localStorage.setItem(KEY, JSON.stringify(appearance.get()))
  applyAppearance()
}

export function applyAppearance(): void {
  const { theme, palette, density } = appearance.get()
  const root = document.documentElement
  root.dataset['theme'] = theme === 'system' ? (darkPreferred().matches ? 'dark' : 'light') : theme
  root.dataset['palette'] = palette
  root.dataset['density'] = density
  paintRevision.set(paintRevision.get() + 1)
}

export function watchSystemTheme(): void {
  darkPreferred().addEventListener('change', applyAppearance)
}

/** The resolved value of a colour token, for canvases. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}
