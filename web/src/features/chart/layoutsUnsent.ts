/** What the account has not got yet, for each layout apart: another tab may keep another one on this device meanwhile. */
import { keep, keyOf, userId } from './userStorage'
import type { Workspace } from './workspace'
import { readWorkspace } from './workspace'

const nameOf = (layout: string) => `holdfast.unsent.${layout}`
const chartsOf = ({ cells, active, layout }: Workspace) => ({ cells, active, layout })

export function keepUnsent(charts: Workspace): void {
  if (userId() && charts.unsent && charts.layout) keep('localStorage', nameOf(charts.layout.id), chartsOf(charts))
}

/** The account has these charts, or is not to get them. Newer ones of another tab stay. */
export function dropUnsent(charts: Workspace): void {
  const key = charts.layout && keyOf(nameOf(charts.layout.id))
  if (key && read(key) === JSON.stringify(chartsOf(charts))) forget(key)
}

/** The layout is deleted. */
export const forgetUnsent = (layout: string) => forget(keyOf(nameOf(layout)))

interface Unsent {
  charts: Workspace
  /** The account has them. */
  drop: () => void
}

/** All that this user changed on this device and the account has not got. */
export function allUnsent(): Unsent[] {
  return keys().flatMap((key) => {
    const text = read(key)
    const charts = readWorkspace(parsed(text))
    return charts ? [{ charts, drop: () => read(key) === text && forget(key) }] : []
  })
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return null
  }
}

function keys(): string[] {
  const [start, end] = keyOf(nameOf('/')).split('/') as [string, string]
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(start) && key.endsWith(end))
  } catch {
    return []
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function forget(key: string): void {
  try {
    localStorage.removeItem(key)
  } catch {
    // It was refused to keep it, too.
  }
}
