"""The difference of two exponential averages and its own average: long while it is above, short below."""

script("MACD", pane="MACD")

fast = input.int("Fast", 12, min=2, max=100)
slow = input.int("Slow", 26, min=3, max=200)
smooth = input.int("Smooth", 9, min=1, max=50)
source = input.source("Source", "close")

# Some functions of ta give several series at once.
histogram, line, average = ta.macd(source, fast, slow, smooth)

plot(histogram, "Histogram", style="columns", color="grey")
plot(line, "MACD", color="blue")
plot(average, "Signal", color="amber")
hline(0)

# Above zero is long, below zero short. While there are too few bars the histogram is NaN: no signal.
signal(np.sign(histogram))
