import type { Schemas } from '@/api/client'

type Detail = Schemas['IndexDetail']
type Member = Schemas['IndexMember']

/** Coins with price and market cap in billions; the shape of the market, not its truth. */
const COINS: [string, string, string, number, number][] = [
  ['bitcoin', 'Bitcoin', 'BTC', 97_312.4, 1926],
  ['ethereum', 'Ethereum', 'ETH', 3_402.15, 409.6],
  ['solana', 'Solana', 'SOL', 241.37, 114.2],
  ['bnb', 'BNB', 'BNB', 612.8, 88.9],
  ['xrp', 'XRP', 'XRP', 1.1234, 63.9],
  ['dogecoin', 'Dogecoin', 'DOGE', 0.3871, 56.9],
  ['cardano', 'Cardano', 'ADA', 0.8123, 28.9],
  ['tron', 'TRON', 'TRX', 0.1998, 17.3],
  ['avalanche', 'Avalanche', 'AVAX', 36.12, 14.8],
  ['shiba-inu', 'Shiba Inu', 'SHIB', 0.00002487, 14.6],
  ['toncoin', 'Toncoin', 'TON', 5.512, 14.1],
]

const total = COINS.reduce((sum, coin) => sum + coin[4], 0)

function members(weightOf: (cap: number, id: string) => number | null, only?: string[]): Member[] {
  return COINS.filter(([id]) => !only || only.includes(id)).map(([id, name, ticker, price, cap], position) => ({
    asset_id: id,
    name,
    ticker,
    symbol: ticker === 'SHIB' ? 'SHIB1000USDT' : `${ticker}USDT`,
    share: cap / total,
    weight: weightOf(cap, id),
    price,
    change_24h: ((position * 37) % 11) / 200 - 0.024,
    market_cap: cap * 1e9,
    stale: false,
  }))
}

function walk(last: number, count: number, step: number, seed: number): number[] {
  let state = seed
  const values = [last]
  while (values.length < count) {
    state = (state * 1103515245 + 12345) % 2147483648
    values.unshift((values[0] ?? last) * (1 + (state / 2147483648 - 0.5) * step))
  }
  return values
}

function detail(
  base: Pick<Detail, 'id' | 'name' | 'symbol' | 'kind' | 'unit' | 'tagline'>,
  level: number,
  change: number,
  list: Member[],
  minimum: string,
): Detail {
  return {
    ...base,
    level,
    change_24h: change,
    as_of: new Date().toISOString(),
    stale_reason: '',
    spark: walk(level, 48, 0.008, base.id.length * 7919),
    member_count: list.length,
    version: '1',
    methodology: [
      'The universe is the largest coins by market cap that have a tradable Bybit USDT perpetual; stablecoins, wrapped and staked coins are left out.',
      `The level of ${base.symbol} is computed from supply times live price.`,
      'A long position buys the numerator and sells the rest, so that it gains when the level rises.',
    ],
    gross_per_unit: base.kind === 'ratio' ? 0.84 : 1,
    members: list,
    excluded: [
      { asset_id: 'tether', name: 'Tether', ticker: 'USDT', reason: 'It is pegged to the US dollar.' },
      { asset_id: 'wbtc', name: 'Wrapped Bitcoin', ticker: 'WBTC', reason: 'It is a wrapped form of Bitcoin.' },
      { asset_id: 'steth', name: 'Lido Staked Ether', ticker: 'STETH', reason: 'It is a staked form of Ether.' },
    ],
    minimum: {
      size: minimum,
      full_size: '940',
      reason: 'Toncoin decides: its order would otherwise be below the 5 USDT minimum of the venue.',
    },
    attribution: 'Data provided by CoinGecko',
  }
}

export function createIndices(): Detail[] {
  const dominance = (numerator: string) => (cap: number, id: string) => (id === numerator ? 1 : 0) - cap / total
  return [
    detail(
      {
        id: 'btc-d',
        name: 'Bitcoin dominance',
        symbol: 'BTC.D',
        kind: 'ratio',
        unit: '%',
        tagline: 'Bitcoin against the ten largest other coins',
      },
      (1926 / total) * 100,
      0.0083,
      members(dominance('bitcoin')),
      '310',
    ),
    detail(
      {
        id: 'eth-d',
        name: 'Ether dominance',
        symbol: 'ETH.D',
        kind: 'ratio',
        unit: '%',
        tagline: 'Ether against the other large coins',
      },
      (409.6 / total) * 100,
      -0.0121,
      members(dominance('ethereum')),
      '290',
    ),
    detail(
      {
        id: 'eth-btc',
        name: 'Ether against Bitcoin',
        symbol: 'ETH/BTC',
        kind: 'ratio',
        unit: 'ratio',
        tagline: 'Two legs: long one, short the other',
      },
      3402.15 / 97312.4,
      -0.0094,
      members((_, id) => (id === 'ethereum' ? 1 : -1), ['bitcoin', 'ethereum']),
      '100',
    ),
    detail(
      {
        id: 'top-10',
        name: 'Ten largest coins',
        symbol: 'TOP10',
        kind: 'basket',
        unit: 'points',
        tagline: 'Ten coins by market cap, none above 30%',
      },
      1043.27,
      0.0062,
      members((cap, id) => (id === 'bitcoin' ? 0.3 : (cap / (total - 1926)) * 0.7)).slice(0, 10),
      '180',
    ),
  ]
}

const DAYS = { '1D': 1, '1W': 7, '1M': 30, '3M': 91, '1Y': 365 } as const

export function history(index: Detail, range: keyof typeof DAYS): Schemas['IndexHistory'] {
  const count = 288
  const step = (DAYS[range] * 86_400_000) / count
  const now = Date.now()
  const levels = walk(index.level ?? 1, count, 0.004 * Math.sqrt(DAYS[range]), range.length * 104729 + index.id.length)
  return {
    index_id: index.id,
    range,
    points: levels.map((level, position) => ({
      at: new Date(now - (count - 1 - position) * step).toISOString(),
      level,
    })),
    note: range === '1D' ? '' : 'Older levels are reconstructed from daily market caps.',
  }
}
