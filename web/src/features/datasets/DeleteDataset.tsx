import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Trash2 } from 'lucide-react'
import { useState } from 'react'

import { answer, api } from '@/api/client'
import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { ProblemNotice } from '@/ui/States'
import { toast } from '@/ui/toasts'

import type { Dataset } from './queries'
import { count } from './words'

const LOST = {
  bars: 'What you drew on it and the signals attached to it go with it.',
  signals: 'The series they are shown on stays.',
}

/** Confirmed, because the rows are really gone. */
export function DeleteDataset({ dataset, onClose }: { dataset: Dataset; onClose: () => void }) {
  const client = useQueryClient()
  const [key] = useState(randomKey)
  const remove = useMutation({
    mutationFn: () =>
      answer(
        api.DELETE('/api/datasets/{dataset_id}', {
          params: { path: { dataset_id: dataset.id }, header: { 'idempotency-key': key } },
        }),
      ),
    onSuccess: () => {
      toast(`“${dataset.name}” is deleted.`)
      void client.invalidateQueries({ queryKey: ['datasets'] })
      onClose()
    },
  })
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Delete “${dataset.name}”?`}
      description={`${dataset.rows > 0 ? `${count(dataset.rows)} rows are deleted for good. ` : ''}${LOST[dataset.kind]}`}
    >
      {remove.error && <ProblemNotice error={remove.error} className="mb-5" />}
      <div className="flex gap-3">
        <Button kind="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          <Trash2 aria-hidden className="size-4" />
          Delete
        </Button>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </Dialog>
  )
}
