import { useMemo } from 'react'

import { problemWords } from '@/api/problem'
import { randomKey } from '@/lib/ids'
import { price as priceText } from '@/lib/numbers'
import { toast } from '@/ui/toasts'

import { useDeleteAlert, useSaveAlert } from './queries'

/** Adding and deleting with one press; what went wrong is said. */
export function useAlertActions(series: string) {
  const { mutate: save } = useSaveAlert()
  const { mutate: forget } = useDeleteAlert()
  return useMemo(
    () => ({
      add: (price: string) =>
        save(
          {
            wanted: { series, price, direction: 'either', repeat: 'once', note: '', active: true },
            key: randomKey(),
          },
          {
            onSuccess: () => toast(`You are told when the price reaches ${priceText(price)}.`),
            onError: (error) => toast(`No alert was set. ${problemWords(error)}`),
          },
        ),
      remove: (id: string) =>
        forget(id, {
          onSuccess: () => toast('The alert is deleted.'),
          onError: (error) => toast(`The alert is still there. ${problemWords(error)}`),
        }),
    }),
    [series, save, forget],
  )
}
