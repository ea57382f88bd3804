/** Text of scripts that is not saved yet, kept on this device for every user apart until it is saved or discarded. */
import { keyOf } from '@/features/chart/userStorage'

export interface KeptDraft {
  name: string
  source: string
  /** The version it was written upon; 0 of a new script. */
  version: number
  /** When it was kept. */
  at: string
}

const NAME = 'holdfast.script-draft:'
const MOST = 12
/** Twice what a script may have: what is too long to be saved can still be made shorter. */
const LONGEST = 128 * 1024

const placeOf = (user: string, id: string) => keyOf(NAME + id, user)

export function readDraft(user: string, id: string): KeptDraft | null {
  return user === '' ? null : read(placeOf(user, id))
}

function read(place: string): KeptDraft | null {
  try {
    const { name, source, version, at } = JSON.parse(localStorage.getItem(place) ?? '{}') as Partial<KeptDraft>
    const whole = typeof name === 'string' && typeof source === 'string' && Number.isInteger(version)
    return whole && Number.isFinite(Date.parse(at ?? '')) ? ({ name, source, version, at } as KeptDraft) : null
  } catch {
    return null
  }
}

/** False when there is no room for it. What is kept already keeps its time. */
export function keepDraft(user: string, id: string, draft: KeptDraft): boolean {
  if (user === '' || draft.source.length > LONGEST) return false
  const place = placeOf(user, id)
  const before = read(place)
  if (before?.source === draft.source && before.name === draft.name && before.version === draft.version) return true
  try {
    localStorage.setItem(place, JSON.stringify(draft))
  } catch {
    return false
  }
  for (const old of placesOf(user).slice(MOST)) localStorage.removeItem(old)
  return true
}

export const dropDraft = (user: string, id: string) => localStorage.removeItem(placeOf(user, id))

export const forgetScriptDrafts = (user: string) => placesOf(user).forEach((place) => localStorage.removeItem(place))

/** The newest first. */
function placesOf(user: string): string[] {
  const at = (place: string) => Date.parse(read(place)?.at ?? '') || 0
  return Object.keys(localStorage)
    .filter((place) => place.startsWith(NAME) && place.endsWith(keyOf('', user)))
    .sort((one, other) => at(other) - at(one))
}
