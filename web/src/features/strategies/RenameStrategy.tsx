import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field } from '@/ui/Field'
import { ProblemNotice } from '@/ui/States'

import { renameStrategy } from './queries'
import type { Strategy } from './types'

export const LONGEST_NAME = 80

export function RenameStrategy({ strategy, onClose }: { strategy: Strategy; onClose: () => void }) {
  const client = useQueryClient()
  const [name, setName] = useState(strategy.name)
  const [key, setKey] = useState(randomKey)
  const work = useMutation({
    mutationFn: () => renameStrategy(strategy.id, name.trim(), key),
    onSuccess: async () => {
      onClose()
      await Promise.all([['strategies'], ['strategy']].map((queryKey) => client.invalidateQueries({ queryKey })))
    },
  })
  return (
    <Dialog open onOpenChange={onClose} title="Rename">
      <form
        className="space-y-5"
        onSubmit={(event) => {
          event.preventDefault()
          if (name.trim() && !work.isPending) work.mutate()
        }}
      >
        <Field
          label="Name"
          required
          maxLength={LONGEST_NAME}
          value={name}
          onChange={(event) => {
            setName(event.target.value)
            setKey(randomKey())
          }}
        />
        {work.error && <ProblemNotice error={work.error} />}
        <div className="flex gap-3">
          <Button type="submit" kind="primary" busy={work.isPending}>
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
