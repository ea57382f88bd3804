/** An account with layouts of charts, and a tab in which ann looks at them. */
import { http, HttpResponse } from 'msw'
import { afterEach, beforeEach } from 'vitest'

import { adopt as signInAs, forget } from '@/api/session'
import { DEFAULT_SPEC } from '@/features/chart/engine/spec'
import type { Layout } from '@/features/chart/layoutSync'
import { fetchLayouts, inTurn, keepWorkspace } from '@/features/chart/layoutSync'
import { changeWorkspace, workspace } from '@/features/chart/workspace'
import { problem } from '@/mocks/answers'
import { kept } from '@/mocks/charts'
import { USER } from '@/mocks/world'

import { mockedServer, server } from './server'

export const signIn = (id: string) => signInAs({ access_token: id, expires_in: 600, user: { ...USER, id } })
export const cell = (series: string) => ({ ...DEFAULT_SPEC, series })
export const show = (...series: string[]) => changeWorkspace({ cells: series.map(cell), active: 0 })
export const shown = () => workspace.get().cells.map((each) => each.series)
export const name = () => workspace.get().layout?.name
export const names = async () => (await fetchLayouts()).map((each) => each.name)
export const chartsOf = (wanted: Layout) =>
  (kept.layouts.get(wanted.id) as unknown as Layout).cells.map((each) => each.series)

/** Holdfast does not answer. */
export const cutOff = (path: string, method: 'get' | 'put' = 'put') =>
  server.use(http[method](path, () => HttpResponse.error()))

/** What is written to a layout is refused for good. */
export const refuse = (id: string) =>
  server.use(http.put(`/api/charts/layouts/${id}`, () => problem(422, 'invalid-input', 'Too much.', 'Take less.')))

/** A layout that is there already, as another device made it. */
export function keepLayout(name: string, series: string, is_default = false): Layout {
  const updated_at = `2026-11-0${kept.layouts.size + 1}T00:00:00Z`
  const layout = { id: name, version: 1, name, is_default, active: 0, cells: [cell(series)], updated_at }
  kept.layouts.set(name, layout)
  return layout
}

/** What another device did. */
export function change(id: string, changes: Partial<Layout>): void {
  Object.assign(kept.layouts.get(id) ?? {}, changes)
}

export let leave: () => void = () => undefined

/** The page of charts, once it knows what the account has. */
export async function visit(): Promise<void> {
  leave = keepWorkspace()
  await inTurn(() => Promise.resolve())
}

/** Another tab of the same browser, or the same one loaded anew when it was shut (`closed`). */
export function loadAnew(closed = false): void {
  leave()
  forget()
  if (closed) sessionStorage.clear()
  signIn('ann')
}

/** Begins each test with an account that has no layout yet. */
export function mockedLayouts(): void {
  mockedServer()
  beforeEach(() => {
    localStorage.clear()
    sessionStorage.clear()
    kept.layouts.clear()
    forget()
    signIn('ann')
  })
  afterEach(async () => {
    leave()
    forget()
    await inTurn(() => Promise.resolve())
  })
}
