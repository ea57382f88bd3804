import { useMutation } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import type { ReactNode } from 'react'

import { download } from '@/api/client'
import { asProblem } from '@/api/problem'
import { Button } from '@/ui/Button'
import { toast } from '@/ui/toasts'

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
    onError: (error) => toast(`${asProblem(error).detail} ${asProblem(error).advice}`),
  })
  return (
    <Button size={size} busy={work.isPending} onClick={() => work.mutate()}>
      <Download aria-hidden className="size-4" />
      {children}
    </Button>
  )
}
