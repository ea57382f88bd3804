import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { answer, api } from '@/api/client'
import { adopt } from '@/api/session'
import { systemQuery } from '@/features/system/queries'
import type { ButtonProps } from '@/ui/Button'
import { Button } from '@/ui/Button'
import { ProblemNotice } from '@/ui/States'

interface Props {
  size?: NonNullable<ButtonProps['size']>
  kind?: NonNullable<ButtonProps['kind']>
  to?: string
}

/**
 * One press: a fresh demo user with a funded simulated account. Only where the market is simulated.
 * `to`: where to go then; nowhere when left out.
 */
export function TryDemo({ size = 'large', kind = 'primary', to }: Props) {
  const { data: system } = useQuery(systemQuery)
  const navigate = useNavigate()
  const demo = useMutation({
    mutationFn: () => answer(api.POST('/api/auth/demo')),
    onSuccess: async (signedIn) => {
      adopt(signedIn)
      if (to) await navigate({ to })
    },
  })
  if (!system?.simulated) return null
  return (
    <>
      <Button kind={kind} size={size} busy={demo.isPending} onClick={() => demo.mutate()}>
        Try the demo
      </Button>
      {demo.error && <ProblemNotice error={demo.error} />}
    </>
  )
}
