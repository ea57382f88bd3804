/** Keeps the workspace with the account as one of its layouts, so that it is the same on every device. */
import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { ProblemError } from '@/api/problem'
import { randomKey } from '@/lib/ids'

import { allUnsent, dropUnsent, keepUnsent } from './layoutsUnsent'
import { onOtherUser, userId } from './userStorage'
import type { Workspace } from './workspace'
import { ahead, changeWorkspace, readWorkspace, workspace } from './workspace'

const PAUSE = 1_500
const CONFLICT = 409
const NAME = 'Workspace'

export type Layout = Schemas['LayoutView']

/** What is known of the layout in hand: which version the account has, and what it says. */
interface Account {
  user: string
  version: number | 'unread' | 'unreachable'
  known: string
}

let timer: ReturnType<typeof setTimeout> | undefined
let last: Promise<unknown> = Promise.resolve()
let current = unread()
/** The page of charts is there. */
let isWatched = false

function unread(): Account {
  return { user: userId(), version: 'unread', known: '' }
}

onOtherUser(() => {
  clearTimeout(timer)
  current = unread()
})

const textOf = ({ cells, active }: Workspace) => JSON.stringify({ cells, active })

/** One thing after the other: of two that write the same version, one would be refused. */
export function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const turn = last.then(work)
  last = turn.catch(() => undefined)
  return turn
}

export function fetchLayouts(): Promise<Layout[]> {
  return answer(api.GET('/api/charts/layouts'))
}

export function putLayout({ id, version, name, is_default, active, cells }: Omit<Layout, 'updated_at'>) {
  const params = { path: { layout_id: id }, header: { 'idempotency-key': randomKey() } }
  const body = { version, name, is_default, active, cells }
  return answer(api.PUT('/api/charts/layouts/{layout_id}', { params, body }))
}

/** Shows a layout of the account; changes are changes of it from now on. */
export function adopt(layout: Layout): void {
  const charts = readWorkspace(layout)
  if (!charts) throw new Error(`“${layout.name}” cannot be shown.`)
  current = { ...unread(), version: layout.version, known: textOf(charts) }
  ahead.set(isWatched)
  dropUnsent(workspace.get())
  changeWorkspace({ ...charts, layout: { id: layout.id, name: layout.name } })
}

/** The layout in hand got another name. */
export function rename({ id, name, version }: Layout): void {
  current.version = version
  changeWorkspace({ layout: { id, name } })
}

/** Finds the layout in hand, or else the one used last. Takes its charts, unless something was changed here that it has not got. */
async function learn(account: Account): Promise<void> {
  const layouts = await fetchLayouts().catch((error: unknown) => {
    account.version = 'unreachable'
    throw error
  })
  if (account !== current) return
  const { layout, unsent } = workspace.get()
  const own = layouts.find((each) => each.id === layout?.id)
  const other = unsent && layout ? undefined : (layouts.find((each) => each.is_default) ?? layouts[0])
  const found = own ?? other
  const { id, name } = found ?? layout ?? { id: uuid(), name: NAME }
  const charts = unsent ? null : readWorkspace(found)
  account.version = found?.version ?? 0
  if (charts) account.known = textOf(charts)
  changeWorkspace({ ...(charts && inFront(charts)), layout: { id, name } })
}

/** The address opens one of the charts: the very one, or else one of its market. */
function inFront(charts: Workspace): Workspace {
  const now = workspace.get()
  const named = now.cells[now.active]
  const ofMarket = (at: number) => charts.cells[at]?.series === named?.series
  const theOne = (at: number) => ofMarket(at) && charts.cells[at]?.timeframe === named?.timeframe
  const places = [charts.active, ...charts.cells.keys()]
  return { ...charts, active: places.find(theOne) ?? places.find(ofMarket) ?? charts.active }
}

async function write(): Promise<void> {
  const account = current
  if (!account.user) return
  if (typeof account.version === 'string') await learn(account)
  const state = workspace.get()
  if (account !== current || typeof account.version === 'string' || !state.layout) return
  if (textOf(state) !== account.known) {
    try {
      const { version } = await putLayout({ ...state, ...state.layout, version: account.version, is_default: true })
      Object.assign(account, { version, known: textOf(state) })
    } catch (error) {
      account.version = 'unreachable'
      throw error
    }
  }
  if (account !== current || textOf(workspace.get()) !== account.known) return
  dropUnsent(workspace.get())
  changeWorkspace({ unsent: false })
}

/** Sends what was changed. Where another device wrote meanwhile, the one in hand wins: its charts are the ones being looked at. */
export async function settle(): Promise<void> {
  await write().catch((error: unknown) => {
    if (error instanceof ProblemError && error.problem.status === CONFLICT) return write()
    throw error
  })
}

/** A change while the account's charts are being read is the address's, which opens one of them. */
function onChange(): void {
  const state = workspace.get()
  keepUnsent(state)
  if (current.user !== userId() || textOf(state) === current.known) return
  if (current.version !== 'unread' && !state.unsent) changeWorkspace({ unsent: true })
  else send()
}

function send(): void {
  clearTimeout(timer)
  timer = setTimeout(() => void inTurn(settle).catch(() => undefined), PAUSE)
}

/** Takes what the account has, then sends every change; a failure is tried again with the next change. */
export function keepWorkspace(): () => void {
  let stopped = false
  async function load() {
    if (stopped || !userId()) return
    current = unread()
    await sendOthers().catch(() => undefined)
    if (current.user !== userId()) return
    await learn(current)
    if (workspace.get().unsent) send()
  }
  void inTurn(load).catch(() => undefined)
  const unwatch = workspace.subscribe(onChange)
  isWatched = true
  return () => {
    stopped = true
    isWatched = false
    unwatch()
  }
}

/** Sends what tabs that were shut had not sent, each to its own layout; what fails is tried again with the next visit. */
async function sendOthers(): Promise<void> {
  const { layout: own, unsent } = workspace.get()
  const user = userId()
  const others = allUnsent().filter(({ charts }) => !unsent || charts.layout?.id !== own?.id)
  const layouts = others.length > 0 ? await fetchLayouts() : []
  for (const { charts, drop } of others) {
    if (user !== userId() || !charts.layout) return
    const now = layouts.find(({ id }) => id === charts.layout?.id) ?? { version: 0, is_default: false }
    const { version, is_default } = now
    await putLayout({ ...charts, ...charts.layout, version, is_default }).then(drop, () => undefined)
  }
}

/** A random id in the form the server takes. */
export function uuid(): string {
  const hex = randomKey()
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}
