"""Buys a new high of many bars, leaves at a new low of fewer, and holds less of what swings more."""

script("Donchian breakout, sized by volatility", overlay=True)

entry = input.int("Entry", 55, min=2, max=300, help="A new high of so many bars is bought")
leave = input.int("Exit", 20, min=2, max=300, help="A new low of so many bars is sold")
risk = input.float("Risk per bar", 0.01, min=0.001, max=0.05, step=0.001, help="Share of the capital")

# The channel of the bars before: a close cannot be above a high of which it is a part itself.
top = ta.shift(ta.highest(bars.high, entry))
bottom = ta.shift(ta.lowest(bars.low, leave))
plot(top, "Top", color="green")
plot(bottom, "Exit", color="red")

# 1 from the breakout on, 0 after the exit.
on = ta.hold(bars.close > top, bars.close < bottom)
marker(on > ta.nz(ta.shift(on)), "in", shape="up", at="below", color="green")
marker(on < ta.nz(ta.shift(on)), "out", shape="down", at="above", color="red")

# If a usual bar moves 2 % and 1 % of the capital may be at risk, half of the capital is held. The size is
# taken once, at the breakout: correcting it on each bar would cost more fees than it is worth.
size = np.clip(risk * bars.close / ta.atr(bars, 20), 0, 1)
began = (on > 0) & (ta.nz(ta.shift(on)) == 0)
target(on * ta.nz(ta.valuewhen(began, size)))
