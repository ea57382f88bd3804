"""Buys when the relative strength index comes up out of the oversold zone, sells when it comes down out of
the overbought one."""

script("RSI reversal", pane="RSI")

# What the user may change. The first run of the script says which inputs there are.
length = input.int("Length", 14, min=2, max=200, help="Bars of the index")
low = input.int("Oversold", 30, min=1, max=50)
high = input.int("Overbought", 70, min=50, max=99)

rsi = ta.rsi(bars.close, length)
plot(rsi, "RSI", color="violet")
hline(low)
hline(high)

# A crossing is true on one bar only: the one at whose close it is known.
up = ta.crossover(rsi, low)
down = ta.crossunder(rsi, high)

marker(up, "buy", shape="up", at="below", color="green")
marker(down, "sell", shape="down", at="above", color="red")
signal(np.where(up, 1, np.where(down, -1, 0)))
alert(up, "{symbol}: RSI came up through {Oversold} at {price}")
