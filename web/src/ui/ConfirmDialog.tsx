import type { QueryKey } from '@tanstack/react-query'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { randomKey } from '@/lib/ids'

import { Button } from './Button'
import { Dialog } from './Dialog'
import { ProblemNotice } from './States'
import { toast } from './toasts'

/** Says what will happen, and does it once that is confirmed: one key for all tries of one intent. */
export function ConfirmDialog({
  title,
  text,
  action,
  danger = false,
  perform,
  said,
  stale = [],
  onDone,
  onClose,
}: {
  title: string
  text: string
  action: string
  danger?: boolean
  perform: (key: string) => Promise<unknown>
  /** Said once it is done. */
  said: string
  /** What has to be asked again. */
  stale?: QueryKey[]
  onDone?: () => void
  onClose: () => void
}) {
  const client = useQueryClient()
  const [key] = useState(randomKey)
  const work = useMutation({
    mutationFn: () => perform(key),
    onSuccess: async () => {
      toast(said)
      onClose()
      onDone?.()
      await Promise.all(stale.map((queryKey) => client.invalidateQueries({ queryKey })))
    },
  })
  return (
    <Dialog open onOpenChange={onClose} title={title} description={text}>
      {work.error && <ProblemNotice error={work.error} className="mb-5" />}
      <div className="flex gap-3">
        <Button kind={danger ? 'danger' : 'primary'} busy={work.isPending} onClick={() => work.mutate()}>
          {action}
        </Button>
        <Button kind="quiet" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </Dialog>
  )
}
