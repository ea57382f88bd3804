import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { useState } from 'react'

import { answer, api } from '@/api/client'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { ProblemNotice } from '@/ui/States'
import { toast } from '@/ui/toasts'

import { KeyFields, keyProblems, NO_KEY, trimmed } from './KeyFields'
import type { Connection } from './queries'

/** The next key of the same account; positions and history stay. */
export function ReplaceKey({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const [entered, setEntered] = useState(NO_KEY)
  const [problems, setProblems] = useState<Partial<typeof NO_KEY>>({})
  const client = useQueryClient()
  const path = { connection_id: connection.id }
  const replace = useMutation({
    mutationFn: () =>
      answer(api.PUT('/api/connections/{connection_id}/key', { params: { path }, body: trimmed(entered) })),
    onSuccess: () => {
      toast(`The key of “${connection.label}” is replaced and being checked.`)
      void client.invalidateQueries({ queryKey: ['connections'] })
      onClose()
    },
  })

  function submit(event: FormEvent) {
    event.preventDefault()
    const found = keyProblems(entered)
    setProblems(found)
    if (Object.keys(found).length === 0) replace.mutate()
  }

  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`New key for “${connection.label}”`}
      description="It must belong to the same Bybit account. The old key is destroyed here; delete it at Bybit too."
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-5">
        <KeyFields
          entered={entered}
          problems={problems}
          onChange={(change) => {
            setEntered({ ...entered, ...change })
            setProblems({})
          }}
        />
        {replace.error && <ProblemNotice error={replace.error} />}
        <div className="flex gap-3">
          <Button type="submit" kind="primary" busy={replace.isPending}>
            Replace and check
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
