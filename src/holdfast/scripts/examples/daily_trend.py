"""Trades short bars only in the direction of the daily trend: buys dips of the RSI while an average of days
rises."""

script("Dips in a daily trend", overlay=True)

average = input.int("Longer average", 10, min=2, max=100)
longer = input.timeframe("Longer bars", "1d")
length = input.int("RSI length", 5, min=2, max=50)
dip = input.int("Dip below", 30, min=5, max=50)
relief = input.int("Leave above", 70, min=50, max=95)


# bars.at() knows only longer bars that are complete. It gives them to this function, and holds the values
# until the next one is complete. (An average of bars.at("1d").close would average repeated values.)
def trend_of(day):
    mean = ta.sma(day.close, average)
    return mean, ta.rising(mean)


trend, rising = bars.at(longer, trend_of)
plot(trend, "Longer average", color="amber")

rsi = ta.rsi(bars.close, length)
up = rising & (bars.close > trend)
buy = up & ta.crossunder(rsi, dip)
leave = ~up | (rsi > relief)

marker(buy, "dip", shape="up", at="below", color="green")
target(ta.hold(buy, leave))
