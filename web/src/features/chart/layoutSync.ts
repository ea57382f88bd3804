/** Keeps the workspace with the account as its default layout, so that it is the same on every device. */
import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { ProblemError } from '@/api/problem'
import { randomKey } from '@/lib/ids'

import { onOtherUser, userId } from './userStorage'
import type { Workspace } from './workspace'
import { isUnsent, markSent, markUnsent, readWorkspace, workspace } from './workspace'

const PAUSE = 1_500
const CONFLICT = 409
const NAME = 'Workspace'

type Layout = Schemas['LayoutView']

/** What is known of a user's layout: where it is kept, and what it says there. */
interface Account {
  layout: Pick<Layout, 'id' | 'version' | 'name'> | null
  known: string
}

let timer: ReturnType<typeof setTimeout> | undefined
let current: Account = { layout: null, known: '' }

onOtherUser(() => {
  clearTimeout(timer)
  current = { layout: null, known: '' }
})

const textOf = ({ cells, active }: Workspace) => JSON.stringify({ cells, active })

async function read(account: Account): Promise<Layout | undefined> {
  const layouts = await answer(api.GET('/api/charts/layouts'))
  const found = layouts.find((each) => each.is_default) ?? layouts[0]
  account.layout = found ?? { id: uuid(), version: 0, name: NAME }
  return found
}

/** Where another device wrote meanwhile, the one in hand wins: its charts are the ones being looked at. */
async function write(): Promise<void> {
  const account = current
  const state = workspace.get()
  if (!userId() || textOf(state) === account.known) return
  if (!account.layout) await read(account)
  if (!account.layout || account !== current) return
  const { id, version, name } = account.layout
  try {
    const body = { version, name, is_default: true, active: state.active, cells: state.cells }
    const params = { path: { layout_id: id }, header: { 'idempotency-key': randomKey() } }
    account.layout = await answer(api.PUT('/api/charts/layouts/{layout_id}', { params, body }))
    account.known = textOf(state)
    if (account === current && textOf(workspace.get()) === account.known) markSent()
  } catch (error) {
    account.layout = null
    if (error instanceof ProblemError && error.problem.status === CONFLICT) send()
  }
}

/** A change before the account's charts are known is the address's, which opens one of them. */
function onChange(): void {
  if (current.layout && textOf(workspace.get()) !== current.known) markUnsent()
  send()
}

function send(): void {
  clearTimeout(timer)
  timer = setTimeout(() => void write().catch(() => undefined), PAUSE)
}

/** Takes what the account has, unless something was changed here that it has not got, then sends every change; a failure is tried again with the next change. */
export function keepWorkspace(): () => void {
  let stopped = false
  async function load() {
    if (!userId()) return
    const account = current
    const found = readWorkspace(await read(account))
    if (stopped || account !== current) return
    if (isUnsent()) {
      send()
      return
    }
    if (!found) return
    account.known = textOf(found)
    const { cells, active } = workspace.get()
    const front = found.cells.findIndex((cell) => cell.series === cells[active]?.series)
    workspace.set(front < 0 ? found : { ...found, active: front })
  }
  void load().catch(() => undefined)
  const unwatch = workspace.subscribe(onChange)
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
