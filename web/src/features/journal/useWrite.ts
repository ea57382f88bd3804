import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'

import { answer, api } from '@/api/client'
import { ProblemError } from '@/api/problem'
import { randomKey } from '@/lib/ids'

import { lastDeleted } from './memory'
import type { Entry, NewEntry } from './queries'
import { entryQuery } from './queries'

/** Saves a new entry (`entry` null) or, over the version that was `read`, a changed one. The key stays the same while the same content is tried. */
export function useSave(entry: Entry | null, onSaved: (saved: Entry) => void) {
  const client = useQueryClient()
  const intent = useRef({ content: '', key: '' })
  const save = useMutation({
    mutationFn: async ({ body, read, anyway = false }: { body: NewEntry; read: number; anyway?: boolean }) => {
      if (!entry) {
        return answer(api.POST('/api/journal/entries', { params: { header: keyFor(JSON.stringify(body)) }, body }))
      }
      const version = anyway ? (await client.fetchQuery({ ...entryQuery(entry.id), staleTime: 0 })).version : read
      const changed = { ...body, version }
      return answer(
        api.PUT('/api/journal/entries/{entry_id}', {
          params: { path: { entry_id: entry.id }, header: keyFor(JSON.stringify(changed)) },
          body: changed,
        }),
      )
    },
    onSuccess: (saved) => {
      lastDeleted.set(null)
      client.setQueryData(entryQuery(saved.id).queryKey, saved)
      void client.invalidateQueries({ queryKey: ['journal'] })
      onSaved(saved)
    },
  })
  function keyFor(content: string) {
    if (intent.current.content !== content) intent.current = { content, key: randomKey() }
    return { 'idempotency-key': intent.current.key }
  }
  const conflict = save.error instanceof ProblemError && save.error.problem.status === 409 && entry !== null
  return { save, conflict }
}

/** Deletes at once; the list offers to bring it back. */
export function useDelete(entry: Entry, onDeleted: () => void) {
  const client = useQueryClient()
  const [key, setKey] = useState(randomKey)
  return useMutation({
    mutationFn: () =>
      answer(
        api.DELETE('/api/journal/entries/{entry_id}', {
          params: { path: { entry_id: entry.id }, header: { 'idempotency-key': key } },
        }),
      ),
    onSuccess: () => {
      lastDeleted.set({ id: entry.id, title: entry.title })
      setKey(randomKey())
      client.removeQueries({ queryKey: entryQuery(entry.id).queryKey })
      void client.invalidateQueries({ queryKey: ['journal'] })
      onDeleted()
    },
  })
}

export function useRestore() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) =>
      answer(api.POST('/api/journal/entries/{entry_id}/restore', { params: { path: { entry_id: id } } })),
    onSuccess: () => {
      lastDeleted.set(null)
      void client.invalidateQueries({ queryKey: ['journal'] })
    },
  })
}
