import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { answer, api } from '@/api/client'
import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field } from '@/ui/Field'
import { ProblemNotice } from '@/ui/States'

import type { Dataset } from './queries'
import { SeriesField } from './SeriesField'

/** Another name, and for signals another series. */
export function ChangeDataset({ dataset, onClose }: { dataset: Dataset; onClose: () => void }) {
  const client = useQueryClient()
  const [name, setName] = useState(dataset.name)
  const [series, setSeries] = useState(dataset.series)
  const signals = dataset.kind === 'signals'
  const change = useMutation({
    mutationFn: () =>
      answer(
        api.PATCH('/api/datasets/{dataset_id}', {
          params: { path: { dataset_id: dataset.id }, header: { 'idempotency-key': randomKey() } },
          body: { name: name.trim(), ...(signals ? { series } : {}) },
        }),
      ),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['datasets'] })
      void client.invalidateQueries({ queryKey: ['symbols'] })
      onClose()
    },
  })
  return (
    <Dialog open onOpenChange={onClose} title={signals ? 'Change signals' : 'Rename'}>
      <form
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault()
          if (!change.isPending) change.mutate()
        }}
      >
        <Field label="Name" required maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />
        {signals && <SeriesField value={series} onChange={setSeries} />}
        {change.error && <ProblemNotice error={change.error} />}
        <div className="flex gap-3">
          <Button type="submit" kind="primary" busy={change.isPending}>
            Save
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
