import { compact, percent } from '@/lib/numbers'
import { Delta, NoValue, Price, Weight } from '@/ui/Money'
import { Table } from '@/ui/Table'

import type { IndexDetail } from './queries'

type Member = IndexDetail['members'][number]

/** Members with their share of the universe and the signed weight a long position gives them. */
export function Members({ index }: { index: IndexDetail }) {
  return (
    <Table<Member>
      label="Members"
      rows={index.members}
      rowKey={(member) => member.asset_id}
      dim={(member) => member.stale}
      columns={[
        {
          head: 'Coin',
          name: true,
          cell: (member) => (
            <>
              <span className="font-medium">{member.ticker}</span>{' '}
              <span className="text-muted max-md:hidden">{member.name}</span>
              {member.stale && <span className="text-sm text-muted"> · old price</span>}
            </>
          ),
        },
        {
          head: 'Share',
          right: true,
          cell: (member) => (member.share === null ? <NoValue /> : percent(member.share)),
        },
        { head: 'Weight when long', right: true, cell: (member) => <Weight value={member.weight} /> },
        { head: 'Price', right: true, cell: (member) => <Price value={member.price} /> },
        { head: '24 h', right: true, wideOnly: true, cell: (member) => <Delta value={member.change_24h} /> },
        {
          head: 'Market cap',
          right: true,
          wideOnly: true,
          cell: (member) => (member.market_cap === null ? <NoValue /> : `$${compact(member.market_cap, 2)}`),
        },
      ]}
    />
  )
}

/** What stays out of the universe, and why. */
export function Excluded({ index }: { index: IndexDetail }) {
  if (index.excluded.length === 0) return <p className="text-muted">No coin was left out.</p>
  return (
    <details className="group">
      <summary className="cursor-pointer text-muted">
        {index.excluded.length} {index.excluded.length === 1 ? 'coin is' : 'coins are'} left out; show which and why
      </summary>
      <ul className="mt-3 divide-y divide-hairline">
        {index.excluded.map((coin) => (
          <li key={coin.asset_id} className="flex flex-wrap gap-x-4 py-2 text-sm">
            <span className="w-40 shrink-0 font-medium">
              {coin.ticker} <span className="font-normal text-muted">{coin.name}</span>
            </span>
            <span className="text-muted">{coin.reason}</span>
          </li>
        ))}
      </ul>
    </details>
  )
}
