"""Buys what is unusually low against its own recent mean, the more the lower, and sells it back at the mean.
Needs closes only, so it suits your own data too: rates, spreads, indices."""

script("Back to the mean", pane="Distance")

length = input.int("Length", 50, min=5, max=400)
enter = input.float("Enter at", 2.0, min=0.5, max=6, step=0.1, help="Standard deviations below the mean")
leave = input.float("Leave at", 0.0, min=-2, max=2, step=0.1)
most = input.float("Most to hold", 1.0, min=0.1, max=1, step=0.1, help="Share of the capital")

# The mean and the deviation of the last bars only. Those of all bars would know the future.
distance = ta.zscore(bars.close, length)
plot(distance, "Standard deviations from the mean", style="columns", color="teal")
hline(-enter, "Enter")
hline(leave, "Leave")

low = ta.crossunder(distance, -enter)
back = distance >= leave
marker(low, "buy", shape="up", at="below", color="green")

# In thirds: a third at the threshold, two thirds half a deviation lower, all of it one deviation lower. It is
# never made smaller on the way back, only closed at the mean.
holding = ta.hold(low, back)
first = (holding > 0) & (ta.nz(ta.shift(holding)) == 0)
second = ta.hold(distance < -enter - 0.5, back)
third = ta.hold(distance < -enter - 1, back)
target(most * holding * (1 + second + third) / 3)
alert(first, "{symbol} is {Enter at} deviations below its mean")
