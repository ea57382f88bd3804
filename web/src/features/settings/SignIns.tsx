import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { answer, api } from '@/api/client'
import { leave } from '@/api/session'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Section } from '@/ui/Layout'
import { ProblemNotice, SkeletonRows } from '@/ui/States'
import { Time } from '@/ui/Time'

import { deviceWords } from './devices'

const signInsQuery = { queryKey: ['sign-ins'], queryFn: () => answer(api.GET('/api/auth/sign-ins')) }

/** Where this account is signed in. */
export function SignIns() {
  const { data, error, refetch } = useQuery(signInsQuery)
  const navigate = useNavigate()
  const signOutEverywhere = useMutation({
    mutationFn: () => answer(api.POST('/api/auth/sign-out-everywhere')),
    onSuccess: async () => {
      await navigate({ to: '/' })
      leave()
    },
  })
  return (
    <Section
      title="Signed in"
      actions={
        <Button size="small" busy={signOutEverywhere.isPending} onClick={() => signOutEverywhere.mutate()}>
          Sign out everywhere
        </Button>
      }
    >
      {signOutEverywhere.error && <ProblemNotice error={signOutEverywhere.error} className="mb-4" />}
      {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={2} label="Loading sign-ins" />}
      {data && (
        <ul aria-label="Sign-ins" className="divide-y divide-hairline border-y border-hairline">
          {data.map((each) => (
            <li key={each.id} className="flex flex-wrap items-center justify-between gap-3 py-3">
              <div className="min-w-0">
                <p title={each.user_agent}>{deviceWords(each.user_agent)}</p>
                <p className="text-sm text-muted">
                  {each.ip} · last used <Time iso={each.last_used_at} />
                </p>
              </div>
              {each.current && <Badge>This device</Badge>}
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}
