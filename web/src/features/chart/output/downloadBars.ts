import { download } from '@/api/client'
import { problemWords } from '@/api/problem'
import { toast } from '@/ui/toasts'

import type { Timeframe } from '../data/timeframes'

/** Everything that is stored of a series, as a file. */
export async function downloadBars(series: string, timeframe: Timeframe, format: 'csv' | 'parquet'): Promise<void> {
  const [source = '', symbol = ''] = series.split(':')
  const path = `/api/candles/${encodeURIComponent(source)}/${encodeURIComponent(symbol)}/export`
  toast('Everything stored of these bars is on its way; the file comes when it is whole.')
  try {
    await download(`${path}?format=${format}&timeframe=${timeframe}`, `${source}-${symbol}-${timeframe}.${format}`)
  } catch (error) {
    toast(`The bars could not be downloaded. ${problemWords(error)}`)
  }
}
