import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { answer, api } from '@/api/client'
import { leave, session } from '@/api/session'
import { useStore } from '@/lib/store'
import { Button } from '@/ui/Button'
import { Section } from '@/ui/Layout'
import { ProblemNotice } from '@/ui/States'
import { Time } from '@/ui/Time'

import { Row } from './Row'

export function AccountSettings() {
  const current = useStore(session)
  const navigate = useNavigate()
  const signOut = useMutation({
    mutationFn: () => answer(api.POST('/api/auth/sign-out')),
    onSuccess: async () => {
      await navigate({ to: '/' })
      leave()
    },
  })
  if (current.status !== 'in') return null
  const { user } = current
  return (
    <Section title="Account">
      <div className="divide-y divide-hairline border-y border-hairline">
        <Row
          label={user.is_demo ? 'Demo account' : (user.email ?? 'Account')}
          hint={
            <>
              Made <Time iso={user.created_at} />
              {user.is_demo && '. Signing out leaves it behind: it has no password.'}
            </>
          }
        >
          <Button busy={signOut.isPending} onClick={() => signOut.mutate()}>
            Sign out
          </Button>
        </Row>
      </div>
      {signOut.error && <ProblemNotice error={signOut.error} className="mt-4" />}
    </Section>
  )
}
