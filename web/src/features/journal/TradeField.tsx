import { useInfiniteQuery, useQuery } from '@tanstack/react-query'

import { positionQuery } from '@/features/positions/queries'
import { capital } from '@/features/trade/words'
import { quantity as quantityText, price as priceText } from '@/lib/numbers'
import { utcMinute } from '@/lib/times'
import { Button } from '@/ui/Button'
import { Choice } from '@/ui/Field'
import { Segmented } from '@/ui/Segmented'
import { ShowMore } from '@/ui/ShowMore'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import type { Draft } from './draft'
import { tradeOf } from './draft'
import { HandFields } from './HandFields'
import type { TradeWish } from './queries'
import { fillsQuery, positionsQuery, tradeQuery } from './queries'
import { TradeFacts } from './TradeFacts'
import { symbolOf } from './words'

const KINDS = [
  { value: 'none', label: 'None' },
  { value: 'position', label: 'Position' },
  { value: 'fills', label: 'Fills' },
  { value: 'hand', label: 'By hand' },
] as const

/** Which trade an entry tells of. Of a position or of fills everything is filled in from the ledger. */
export function TradeField({ draft, onChange }: { draft: Draft; onChange: (change: Partial<Draft>) => void }) {
  const trade = tradeOf(draft)
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1.5 text-sm text-muted">Trade</legend>
      <Segmented label="Trade" value={draft.kind} segments={[...KINDS]} onChange={(kind) => onChange({ kind })} />
      <div className="mt-4 empty:hidden">
        {draft.kind === 'position' && <PositionChoice draft={draft} onChange={onChange} />}
        {draft.kind === 'fills' && <FillChoice draft={draft} onChange={onChange} />}
        {draft.kind === 'hand' && (
          <HandFields hand={draft.hand} onChange={(change) => onChange({ hand: { ...draft.hand, ...change } })} />
        )}
      </div>
      {trade && trade.kind !== 'hand' && <FilledIn trade={trade} />}
    </fieldset>
  )
}

/** What the ledger says of it, before it is saved. */
function FilledIn({ trade }: { trade: TradeWish }) {
  const { data, error, refetch } = useQuery(tradeQuery(trade))
  if (error) return <ProblemNotice error={error} retry={() => void refetch()} className="mt-4" />
  if (!data) return <SkeletonRows rows={2} label="Asking the ledger" />
  return <TradeFacts trade={data} />
}

interface Props {
  draft: Draft
  onChange: (change: Partial<Draft>) => void
}

function PositionChoice({ draft, onChange }: Props) {
  const { query, positions } = useChoice(draft.position)
  if (query.error && !positions) return <ProblemNotice error={query.error} retry={() => void query.refetch()} />
  if (!positions) return <SkeletonRows rows={1} label="Loading positions" />
  if (positions.length === 0) return <p className="text-muted">You have no position yet.</p>
  return (
    <>
      <Choice
        label="Position"
        value={draft.position}
        onChange={(event) => {
          const chosen = positions.find((each) => each.id === event.target.value)
          const series = chosen && !draft.series ? { series: `index:${chosen.index_id}` } : {}
          onChange({ position: event.target.value, ...series })
        }}
        options={[
          { value: '', label: 'Choose one' },
          ...positions.map((each) => ({
            value: each.id,
            label: `${capital(each.direction)} ${each.index_name}, ${utcMinute(Date.parse(each.opened_at ?? each.created_at) / 1000)}, ${each.state.replace('_', ' ')}`,
          })),
        ]}
      />
      <ShowMore query={query} label="Show more positions" size="small" />
    </>
  )
}

/** The pages shown so far, and the chosen one, should it be older than they are. */
function useChoice(chosenId: string) {
  const query = useInfiniteQuery(positionsQuery)
  const listed = query.data?.pages.flatMap((page) => page.items)
  const unlisted = listed !== undefined && chosenId !== '' && !listed.some((each) => each.id === chosenId)
  const chosen = useQuery({ ...positionQuery(chosenId), enabled: unlisted }).data
  return { query, positions: unlisted && chosen ? [...listed, chosen] : listed }
}

/** The user's fills of the market the entry is about, or of all. One symbol makes one trade. */
function FillChoice({ draft, onChange }: Props) {
  const symbol = draft.series.startsWith('bybit:') ? symbolOf(draft.series) : ''
  const query = useInfiniteQuery(fillsQuery(symbol))
  const fills = query.data?.pages.flatMap((page) => page.items)
  if (query.error && !fills) return <ProblemNotice error={query.error} retry={() => void query.refetch()} />
  if (!fills) return <SkeletonRows rows={3} label="Loading fills" />
  const listed = new Set(fills.map((fill) => fill.exec_id))
  const others = (
    <Unlisted
      count={draft.fills.filter((id) => !listed.has(id)).length}
      onDrop={() => onChange({ fills: draft.fills.filter((id) => listed.has(id)) })}
    />
  )
  if (fills.length === 0) {
    return (
      <>
        <p className="text-muted">You have no fills{symbol && ` of ${symbol}`} yet.</p>
        {others}
      </>
    )
  }
  const toggle = (id: string) =>
    onChange({ fills: draft.fills.includes(id) ? draft.fills.filter((each) => each !== id) : [...draft.fills, id] })
  return (
    <>
      <ul
        aria-label="Fills"
        tabIndex={0}
        className="max-h-72 divide-y divide-hairline overflow-y-auto rounded-card border border-hairline"
      >
        {fills.map((fill) => (
          <li key={fill.exec_id}>
            <label className="flex min-h-11 cursor-pointer items-center gap-3 px-4 py-2 text-sm hover:bg-hover">
              <input
                type="checkbox"
                className="size-4 shrink-0 accent-ink"
                checked={draft.fills.includes(fill.exec_id)}
                onChange={() => toggle(fill.exec_id)}
              />
              <span className="tnum min-w-0">
                {capital(fill.side)} {quantityText(fill.quantity)} {fill.symbol} at {priceText(fill.price)}
                <span className="block text-xs text-muted">
                  {utcMinute(Date.parse(fill.executed_at) / 1000)} UTC, {fill.index_name || 'by hand'}
                </span>
              </span>
            </label>
          </li>
        ))}
      </ul>
      <ShowMore query={query} label="Show more fills" size="small" />
      {others}
    </>
  )
}

/** Fills that are chosen and stand not in the list: of another market, or older than what is shown. */
function Unlisted({ count, onDrop }: { count: number; onDrop: () => void }) {
  if (count === 0) return null
  return (
    <p className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-2 text-sm" role="status">
      {count === 1 ? 'One chosen fill is' : `${count} chosen fills are`} not in this list.
      <Button size="small" onClick={onDrop}>
        Take {count === 1 ? 'it' : 'them'} away
      </Button>
    </p>
  )
}
