import { useMutation, useQueryClient } from '@tanstack/react-query'
import clsx from 'clsx'
import { FileUp } from 'lucide-react'
import { useId, useState } from 'react'

import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'
import { ProblemNotice } from '@/ui/States'
import { Segmented } from '@/ui/Segmented'
import { toast } from '@/ui/toasts'

import { Progress } from './Progress'
import { SeriesField } from './SeriesField'
import type { Wanted } from './upload'
import { kindOf, sendFile } from './upload'
import { size } from './words'

const KINDS = [
  { value: 'bars', label: 'Bars' },
  { value: 'signals', label: 'Signals' },
  { value: 'history', label: 'Market history' },
] as const

type Chosen = Wanted & { key: string }

/** Drop a file or choose one, say what it is, send it. */
export function UploadForm({ mostBytes }: { mostBytes: number | undefined }) {
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const [share, setShare] = useState(0)
  const client = useQueryClient()
  const send = useMutation({
    mutationFn: ({ key, ...wanted }: Chosen) => sendFile(wanted, key, setShare),
    onSuccess: (_, { kind, name, file }) => {
      toast(`“${kind === 'history' ? file.name : name}” has arrived and is being checked.`)
      setChosen(null)
    },
    onSettled: (_, __, { kind }) =>
      client.invalidateQueries({ queryKey: [kind === 'history' ? 'imports' : 'datasets'] }),
  })
  const take = async (file: File | undefined) => {
    if (!file || send.isPending) return
    send.reset()
    setShare(0)
    const name = file.name.split('.')[0]?.slice(0, 80) || 'Dataset'
    setChosen({ file, kind: await kindOf(file), name, series: '', key: randomKey() })
  }
  // Another content is another intent: the server refuses an old key for it.
  const change = (part: Partial<Wanted>) => setChosen((old) => old && { ...old, ...part, key: randomKey() })
  const tooLarge = chosen && mostBytes !== undefined && chosen.file.size > mostBytes
  return (
    <form
      aria-label="Add a file"
      onSubmit={(event) => {
        event.preventDefault()
        if (chosen && !tooLarge && !send.isPending) send.mutate(chosen)
      }}
    >
      <DropZone onFile={(file) => void take(file)} busy={send.isPending} />
      {chosen && (
        <div className="mt-6 flex max-w-md flex-col gap-5">
          <p className="break-words">
            <span className="font-medium">{chosen.file.name}</span>{' '}
            <span className="text-muted">{size(chosen.file.size)}</span>
          </p>
          {tooLarge && (
            <p role="alert" className="text-error">
              A file may have at most {size(mostBytes)}. Pack it with gzip, or split it.
            </p>
          )}
          <Segmented
            label="What it holds"
            value={chosen.kind}
            segments={[...KINDS]}
            onChange={(kind) => change({ kind })}
            wide
          />
          {chosen.kind === 'history' ? (
            <SeriesField
              value={chosen.series}
              onChange={(series) => change({ series })}
              label="Market"
              hint="Everybody here sees its history, so the file must be what the venue itself tells."
            />
          ) : (
            <Field
              label="Name"
              required
              maxLength={80}
              value={chosen.name}
              onChange={(event) => change({ name: event.target.value })}
            />
          )}
          {chosen.kind === 'signals' && <SeriesField value={chosen.series} onChange={(series) => change({ series })} />}
          {send.isPending && <Progress label="Sending" share={share} />}
          {send.error && <ProblemNotice error={send.error} />}
          <div className="flex gap-3">
            <Button type="submit" kind="primary" busy={send.isPending} disabled={Boolean(tooLarge)}>
              Upload
            </Button>
            {!send.isPending && (
              <Button kind="quiet" onClick={() => setChosen(null)}>
                Cancel
              </Button>
            )}
          </div>
        </div>
      )}
    </form>
  )
}

function DropZone({ onFile, busy }: { onFile: (file: File | undefined) => void; busy: boolean }) {
  const id = useId()
  const [over, setOver] = useState(false)
  return (
    <div
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        onFile(event.dataTransfer.files[0])
      }}
      className={clsx('rounded-card border border-dashed px-6 py-8', over ? 'border-ink bg-hover' : 'border-edge')}
    >
      <label
        htmlFor={id}
        className="inline-flex h-11 cursor-pointer items-center gap-2 rounded-control align-middle border border-hairline px-5 font-medium hover:bg-hover has-[:focus-visible]:outline-2"
      >
        <FileUp aria-hidden className="size-4" />
        Choose a file
        <input
          id={id}
          type="file"
          accept=".csv,.txt,.gz,.zip,text/csv"
          disabled={busy}
          className="sr-only"
          onChange={(event) => {
            onFile(event.target.files?.[0])
            event.target.value = ''
          }}
        />
      </label>
      <span className="ml-3 text-muted max-md:hidden">or drop it here</span>
      <div className="mt-4 max-w-[64ch] text-sm text-muted">
        <p>
          Bars: <code className="font-mono break-words">timestamp,open,high,low,close,volume</code>
        </p>
        <p>
          Signals: <code className="font-mono break-words">timestamp,type,price,label,color,icon</code>
        </p>
        <p className="mt-2">
          Times in seconds, milliseconds, microseconds or ISO 8601. If one row is wrong, nothing of the file is
          imported.
        </p>
      </div>
    </div>
  )
}
