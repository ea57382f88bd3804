import { useMutation } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import type { ReactNode } from 'react'

import { download } from '@/api/client'
import { problemWords } from '@/api/problem'

import { Button } from './Button'
import { toast } from './toasts'

/** Saves a file of the API, and says so when that fails. */
export function DownloadButton({
  path,
  name,
  size = 'medium',
  children,
}: {
  path: string
  name: string
  size?: 'small' | 'medium'
  children: ReactNode
}) {
  const work = useMutation({
    mutationFn: () => download(path, name),
    onError: (error) => toast(problemWords(error)),
  })
  return (
    <Button size={size} busy={work.isPending} onClick={() => work.mutate()}>
      <Download aria-hidden className="size-4" />
      {children}
    </Button>
  )
}
