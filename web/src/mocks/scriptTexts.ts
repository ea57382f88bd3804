import type { ReferenceEntry, ScriptExample } from '@/features/scripts/types'

export const EXAMPLES: ScriptExample[] = [
  {
    id: 'mean',
    name: 'Price and its mean',
    about: 'A moving average over the price, and a mark where the price crosses it.',
    source: `script("Price and its mean", overlay=True)

length = input.int("Length", 20, min=2, max=500, help="Bars of the mean.")
shorts = input.bool("Short too", False)

mean = ta.sma(bars.close, length)
plot(mean, "Mean", color="violet")

up = ta.crossover(bars.close, mean)
marker(up, "crossed up", shape="up", at="below")

# What to hold: all of it above the mean, nothing below.
above = bars.close > mean
signal(np.where(above, 1, -1 if shorts else 0))
target(np.where(above, 1.0, 0.0))
alert(up, "{symbol} is above its mean")
`,
  },
  {
    id: 'rsi',
    name: 'RSI reversal',
    about: 'Buys when a fall loses strength, sells when a rise does.',
    source: `script("RSI reversal", pane="RSI")
n = input.int("Length", 14, min=2, max=200)
r = ta.rsi(bars.close, n)
plot(r, "RSI", color="violet")
hline(30)
hline(70)
signal(np.where(ta.crossover(r, 30), 1, np.where(ta.crossunder(r, 70), -1, 0)))
`,
  },
  {
    id: 'breakout',
    name: 'Breakout, sized by risk',
    about: 'Goes along with new highs, the less the more the price moves.',
    source: `script("Breakout", overlay=True)
top = ta.shift(ta.highest(bars.high, 55))
plot(top, "Top")
target(np.where(bars.close > top, 1.0, np.nan))
`,
  },
]

const named = (name: string, kind: ReferenceEntry['kind'], signature: string, help: string) => ({
  name,
  kind,
  signature,
  help,
})

export const REFERENCE: ReferenceEntry[] = [
  named('bars', 'value', 'bars', 'The bars so far, oldest first: one value for each bar in every column.'),
  named('bars.close', 'value', 'bars.close', 'The last price of each bar.'),
  named('bars.high', 'value', 'bars.high', 'The highest price of each bar.'),
  named('bars.at', 'function', 'bars.at(timeframe)', 'Bars of a longer timeframe, only those that are complete.'),
  named('ta.sma', 'function', 'ta.sma(values, length)', 'The mean of the last `length` values.'),
  named('ta.rsi', 'function', 'ta.rsi(values, length=14)', 'How much of recent moves went up, from 0 to 100.'),
  named('ta.crossover', 'function', 'ta.crossover(a, b)', 'True at bars where `a` rises above `b`.'),
  named('input.int', 'function', 'input.int(label, default, min=None, max=None, step=None, help="")', 'A whole number that the reader may choose.'), // prettier-ignore
  named('plot', 'function', 'plot(values, label, color="violet", style="line")', 'Draws one value for each bar.'),
  named('signal', 'function', 'signal(values)', 'An opinion for each bar: 1 up, -1 down, 0 none.'),
  named('target', 'function', 'target(weights)', 'The share of the capital to hold; NaN keeps what is held.'),
  named('script', 'function', 'script(title, overlay=False, pane="")', 'Names the script and says where it draws.'),
]
