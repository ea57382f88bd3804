import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Trash2 } from 'lucide-react'
import { useState } from 'react'

import { answer, api } from '@/api/client'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field } from '@/ui/Field'
import { ProblemNotice } from '@/ui/States'
import { toast } from '@/ui/toasts'

import type { Connection } from './queries'

/** Destroys the stored key. The name is typed, because it cannot be taken back. */
export function DeleteConnection({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const [typed, setTyped] = useState('')
  const client = useQueryClient()
  const path = { connection_id: connection.id }
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE('/api/connections/{connection_id}', { params: { path } })),
    onSuccess: () => {
      toast(`“${connection.label}” is deleted and its key destroyed.`)
      void client.invalidateQueries({ queryKey: ['connections'] })
      onClose()
    },
  })
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Delete “${connection.label}”?`}
      description="The stored key is destroyed and cannot be brought back. Your history stays. Delete the key at Bybit too."
    >
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (typed.trim() === connection.label) remove.mutate()
        }}
        className="flex flex-col gap-5"
      >
        <Field
          label={`Type “${connection.label}” to confirm`}
          autoComplete="off"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {remove.error && <ProblemNotice error={remove.error} />}
        <div className="flex gap-3">
          <Button type="submit" kind="danger" busy={remove.isPending} disabled={typed.trim() !== connection.label}>
            <Trash2 aria-hidden className="size-4" />
            Delete connection
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
