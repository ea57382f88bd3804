import { useMutation, useQueryClient } from '@tanstack/react-query'

import { problemWords } from '@/api/problem'

import { layoutsQuery } from './layouts'

/** Does one thing with the layouts at a time, at once or not at all, and looks at the list again afterwards. */
export function useLayoutWork() {
  const client = useQueryClient()
  const { mutate, isPending, error, reset } = useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    networkMode: 'always',
    onSettled: () => void client.invalidateQueries({ queryKey: layoutsQuery.queryKey }),
  })
  return {
    busy: isPending,
    error,
    forget: reset,
    run: (work: () => Promise<unknown>) => {
      if (!isPending) mutate(work)
    },
  }
}

export const UNREACHABLE = 'Holdfast does not answer. Try again once it does.'

export const isUnreachable = (error: unknown) => error instanceof TypeError

export const faultWords = (error: unknown) => (isUnreachable(error) ? UNREACHABLE : problemWords(error))
