import { Delta, Money, Price, Quantity, Weight } from '@/ui/Money'
import type { Column } from '@/ui/Table'
import { Table } from '@/ui/Table'

import type { PositionDetail } from './queries'
import { isOver } from './queries'

type Leg = PositionDetail['legs'][number]

const COIN: Column<Leg> = {
  head: 'Coin',
  name: true,
  cell: (leg) => (
    <>
      <span className="font-medium">{leg.ticker}</span> <span className="text-muted max-md:hidden">{leg.name}</span>
      {leg.halted_reason && <span className="block text-xs text-error">Halted: {leg.halted_reason}</span>}
      {/[1-9]/.test(leg.altered) && (
        <span className="block text-xs text-muted">
          <Quantity value={leg.altered} /> changed by hand
        </span>
      )}
    </>
  ),
}

const RESULT: Column<Leg> = {
  head: 'P&L',
  right: true,
  cell: (leg) => <Delta value={leg.pnl} as="money" />,
}

const HELD: Column<Leg>[] = [
  COIN,
  { head: 'Quantity', right: true, cell: (leg) => <Quantity value={leg.quantity} /> },
  { head: 'Entry', right: true, wideOnly: true, cell: (leg) => <Price value={leg.entry_price} /> },
  { head: 'Now', right: true, wideOnly: true, cell: (leg) => <Price value={leg.mark_price} /> },
  { head: 'Weight', right: true, wideOnly: true, cell: (leg) => <Weight value={leg.weight} /> },
  { head: 'Target', right: true, wideOnly: true, cell: (leg) => <Weight value={leg.target_weight} /> },
  RESULT,
]

/** Nothing is held any more: what is left to tell is what each leg cost and brought. */
const ENDED: Column<Leg>[] = [
  COIN,
  { head: 'Fees', right: true, cell: (leg) => <Money value={leg.fees} digits={4} /> },
  { head: 'Funding', right: true, cell: (leg) => <Delta value={leg.funding} as="money" digits={4} /> },
  RESULT,
]

export function Legs({ position, legs }: { position: PositionDetail; legs: Leg[] }) {
  return <Table<Leg> label="Legs" rows={legs} rowKey={(leg) => leg.symbol} columns={isOver(position) ? ENDED : HELD} />
}
