"""Waits until a market has become quiet, then follows the price out of its Bollinger bands until it is back
at their middle."""

script("Bollinger squeeze", overlay=True)

length = input.int("Length", 20, min=5, max=200)
width = input.float("Deviations", 2.0, min=0.5, max=5, step=0.1)
lookback = input.int("Compared with", 120, min=20, max=400, help="Bars that say what is quiet")
quiet = input.int("Quiet below", 20, min=1, max=50, help="Percent of these bars that were quieter")
within = input.int("Valid for", 10, min=1, max=100, help="Bars after the quiet in which a breakout counts")
shorts = input.bool("Short as well", False)

middle, lower, upper = ta.bbands(bars.close, length, width)
plot(upper, "Upper", color="blue")
plot(middle, "Middle", color="grey")
plot(lower, "Lower", color="blue")

# How wide are the bands compared with those of the bars before?
rank = ta.percentrank(ta.bbw(bars.close, length, width), lookback)
squeeze = rank < quiet
plot(rank, "Width, percent rank", color="violet", style="area", overlay=False)
hline(quiet, "Quiet")

ready = ta.barssince(squeeze) <= within
up = ready & ta.crossover(bars.close, upper)
down = ready & ta.crossunder(bars.close, lower)

# Conditions are joined with & | ~ and brackets, not with and, or, not.
long = ta.hold(up, bars.close < middle)
short = ta.hold(down, bars.close > middle) if shorts else 0.0
marker(up, "break up", shape="up", at="below", color="green")
marker(down, "break down", shape="down", at="above", color="red")
target(long - short)
alert(up | down, "{symbol} leaves its bands after a quiet time, at {price}")
