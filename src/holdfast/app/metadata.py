"""Every table of every room, for migrations and tests."""

import holdfast.accounts.models
import holdfast.backtest.models
import holdfast.charts.datasets.models
import holdfast.charts.models
import holdfast.execution.incidents.models
import holdfast.execution.models
import holdfast.execution.risk.models
import holdfast.indices.models
import holdfast.journal.models
import holdfast.market.candles.models
import holdfast.market.models
import holdfast.news.models
import holdfast.platform.models
import holdfast.portfolio.models
import holdfast.scripts.models
import holdfast.strategies.models  # noqa: F401
from holdfast.platform.database import Base

metadata = Base.metadata
