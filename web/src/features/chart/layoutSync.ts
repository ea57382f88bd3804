/** Keeps the workspace with the account, so that it is the same on every device. */
import { session } from '@/api/session'

import { get, put } from './data/api'
import type { Workspace } from './workspace'
import { readWorkspace, workspace } from './workspace'

const PATH = '/api/charts/layouts'
const PAUSE = 1_500

let timer: ReturnType<typeof setTimeout> | undefined
let server = ''

const textOf = (state: Workspace) => JSON.stringify(state)

/** Takes what the account has, then sends every change; a failure is tried again with the next change. */
export function keepWorkspace(): () => void {
  let stopped = false
  async function load() {
    if (session.get().status !== 'in') return
    const answer = (await (await get(PATH, {})).json()) as { layouts?: unknown[] }
    const found = readWorkspace(answer.layouts?.[0])
    if (stopped || !found) return
    server = textOf(found)
    const { cells, active } = workspace.get()
    const front = found.cells.findIndex((cell) => cell.series === cells[active]?.series)
    workspace.set(front < 0 ? found : { ...found, active: front })
  }
  function send() {
    clearTimeout(timer)
    timer = setTimeout(() => {
      const state = workspace.get()
      if (session.get().status !== 'in' || textOf(state) === server) return
      put(PATH, { layouts: [state] }).then(
        () => (server = textOf(state)),
        () => undefined,
      )
    }, PAUSE)
  }
  void load().catch(() => undefined)
  const unwatch = workspace.subscribe(send)
  return () => {
    stopped = true
    unwatch()
  }
}
