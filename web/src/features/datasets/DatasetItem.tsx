import { Link } from '@tanstack/react-router'
import { ChartCandlestick, History } from 'lucide-react'
import { useState } from 'react'

import { splitSeries } from '@/features/chart/data/series'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { DownloadButton } from '@/ui/DownloadButton'
import { Facts } from '@/ui/Layout'
import { ServerWords } from '@/ui/ServerWords'
import { Time } from '@/ui/Time'

import { ChangeDataset } from './ChangeDataset'
import { DeleteDataset } from './DeleteDataset'
import { seriesShown } from './names'
import { Problems } from './Problems'
import { Progress } from './Progress'
import type { Dataset } from './queries'
import { isUnderWay } from './queries'
import { count, KIND_WORDS, minute, size, STATE_WORDS } from './words'

const TONES = { waiting: 'plain', checking: 'plain', writing: 'plain', ready: 'plain', failed: 'error' } as const

/** One file: how far it is, what is wrong with it, or what it holds. `shownOn`: the bars that signals belong to. */
export function DatasetItem({ dataset, shownOn }: { dataset: Dataset; shownOn: Dataset | undefined }) {
  const [dialog, setDialog] = useState<'change' | 'delete' | null>(null)
  const ready = dataset.state === 'ready'
  const [source, symbol] = splitSeries(dataset.series)
  const timeframe = dataset.timeframe ?? shownOn?.timeframe
  const close = () => setDialog(null)
  return (
    <li aria-label={dataset.name} className="border-b border-hairline py-6">
      <div className="mb-3 flex flex-wrap items-center gap-3">
        <h3 className="min-w-0 text-lg break-words">{dataset.name}</h3>
        <Badge>{KIND_WORDS[dataset.kind]}</Badge>
        {!ready && <Badge tone={TONES[dataset.state]}>{STATE_WORDS[dataset.state]}</Badge>}
      </div>
      {isUnderWay(dataset) && (
        <Progress
          label={STATE_WORDS[dataset.state]}
          share={dataset.state === 'writing' && dataset.rows > 0 ? dataset.rows_done / dataset.rows : undefined}
        />
      )}
      {ready && <Facts items={facts(dataset, shownOn)} />}
      {dataset.state === 'failed' && (
        <p className="max-w-[64ch] break-words">
          <ServerWords>{dataset.error}</ServerWords>
        </p>
      )}
      {dataset.wrong_rows > 0 && <Problems dataset={dataset} />}
      <div className="mt-5 flex flex-wrap gap-3">
        {ready && (
          <Button size="small" asChild>
            <Link to="/chart/$source/$symbol" params={{ source, symbol }} search={timeframe ? { tf: timeframe } : {}}>
              <ChartCandlestick aria-hidden className="size-4" />
              Open in chart
            </Link>
          </Button>
        )}
        {ready && (
          <Button size="small" asChild>
            <Link
              to="/backtests/new"
              search={{
                series: dataset.series,
                ...(timeframe ? { tf: timeframe } : {}),
                ...(dataset.kind === 'signals' ? { signals: dataset.id } : {}),
              }}
            >
              <History aria-hidden className="size-4" />
              Back-test
            </Link>
          </Button>
        )}
        {ready && (
          <DownloadButton path={`/api/datasets/${dataset.id}/file`} name={`${dataset.name}.csv`} size="small">
            Download
          </DownloadButton>
        )}
        {dataset.state !== 'failed' && (
          <Button size="small" kind="quiet" onClick={() => setDialog('change')}>
            {dataset.kind === 'signals' ? 'Change' : 'Rename'}
          </Button>
        )}
        <Button size="small" kind="quiet" onClick={() => setDialog('delete')}>
          Delete
        </Button>
      </div>
      {dialog === 'change' && <ChangeDataset dataset={dataset} onClose={close} />}
      {dialog === 'delete' && <DeleteDataset dataset={dataset} onClose={close} />}
    </li>
  )
}

function facts(dataset: Dataset, shownOn: Dataset | undefined) {
  return [
    { label: 'Rows', value: count(dataset.rows) },
    dataset.kind === 'bars'
      ? { label: 'Timeframe', value: dataset.timeframe ?? '' }
      : { label: 'Shown on', value: seriesShown(dataset.series, shownOn?.name) },
    { label: 'From (UTC)', value: minute(dataset.first_at) },
    { label: 'To (UTC)', value: minute(dataset.last_at) },
    { label: 'File', value: size(dataset.size), hint: dataset.file_name },
    { label: 'Added', value: <Time iso={dataset.created_at} /> },
  ]
}
