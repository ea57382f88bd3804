/** Keeps the workspace with the account as its default layout, so that it is the same on every device. */
import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { ProblemError } from '@/api/problem'
import { session } from '@/api/session'
import { randomKey } from '@/lib/ids'

import type { Workspace } from './workspace'
import { readWorkspace, workspace } from './workspace'

const PAUSE = 1_500
const CONFLICT = 409
const NAME = 'Workspace'

let timer: ReturnType<typeof setTimeout> | undefined
type Layout = Schemas['LayoutView']

let layout: Pick<Layout, 'id' | 'version' | 'name'> | null = null
let known = ''

const textOf = ({ cells, active }: Workspace) => JSON.stringify({ cells, active })
const signedIn = () => session.get().status === 'in'

async function read(): Promise<Layout | undefined> {
  const layouts = await answer(api.GET('/api/charts/layouts'))
  const found = layouts.find((each) => each.is_default) ?? layouts[0]
  layout = found ?? { id: uuid(), version: 0, name: NAME }
  return found
}

/** Where another device wrote meanwhile, the one in hand wins: its charts are the ones being looked at. */
async function write(): Promise<void> {
  const state = workspace.get()
  if (!signedIn() || textOf(state) === known) return
  if (!layout) await read()
  if (!layout) return
  const { id, version, name } = layout
  try {
    const body = { version, name, is_default: true, active: state.active, cells: state.cells }
    const params = { path: { layout_id: id }, header: { 'idempotency-key': randomKey() } }
    layout = await answer(api.PUT('/api/charts/layouts/{layout_id}', { params, body }))
    known = textOf(state)
  } catch (error) {
    layout = null
    if (error instanceof ProblemError && error.problem.status === CONFLICT) send()
  }
}

function send(): void {
  clearTimeout(timer)
  timer = setTimeout(() => void write().catch(() => undefined), PAUSE)
}

/** Takes what the account has, then sends every change; a failure is tried again with the next change. */
export function keepWorkspace(): () => void {
  let stopped = false
  async function load() {
    if (!signedIn()) return
    const found = readWorkspace(await read())
    if (stopped || !found) return
    known = textOf(found)
    const { cells, active } = workspace.get()
    const front = found.cells.findIndex((cell) => cell.series === cells[active]?.series)
    workspace.set(front < 0 ? found : { ...found, active: front })
  }
  void load().catch(() => undefined)
  const unwatch = workspace.subscribe(send)
  return () => {
    stopped = true
    unwatch()
  }
}

/** A random id in the form the server takes. */
function uuid(): string {
  const hex = randomKey()
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}
