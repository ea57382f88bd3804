"""Holds all of the capital while a fast average is above a slow one, and none of it otherwise."""

script("EMA cross", overlay=True)

fast = input.int("Fast", 20, min=2, max=200)
slow = input.int("Slow", 50, min=3, max=300)

quick = ta.ema(bars.close, fast)
steady = ta.ema(bars.close, slow)
plot(quick, "Fast", color="teal")
plot(steady, "Slow", color="pink")

marker(ta.crossover(quick, steady), "long", shape="up", at="below", color="green")
marker(ta.crossunder(quick, steady), "out", shape="down", at="above", color="red")

# target() says what to hold after each bar, as a share of the capital: 1 is all of it, 0 nothing.
# Until both averages are known it is NaN, which means: leave everything as it is.
known = ~np.isnan(quick) & ~np.isnan(steady)
target(np.where(known, np.where(quick > steady, 1.0, 0.0), np.nan))
