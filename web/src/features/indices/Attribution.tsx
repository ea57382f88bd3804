export function CoinGecko({ text = 'Data provided by CoinGecko' }: { text?: string }) {
  return (
    <p className="text-xs text-muted">
      <a href="https://www.coingecko.com/" rel="noopener noreferrer" target="_blank" className="underline">
        {text}
      </a>
    </p>
  )
}

/** The words of the NOTICE of the chart library; a page with a chart must carry them. */
export function ChartNotice() {
  return (
    <p className="text-xs text-muted">
      <a href="https://www.tradingview.com/" rel="noopener noreferrer" target="_blank" className="underline">
        TradingView Lightweight Charts™
      </a>{' '}
      Copyright (c) 2025 TradingView, Inc.
    </p>
  )
}
