import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'

import { answer, api } from '@/api/client'
import { adopt } from '@/api/session'
import { Page } from '@/ui/Layout'

import type { Entered } from './AccountForm'
import { AccountForm } from './AccountForm'
import { TryDemo } from './TryDemo'

/** Only addresses of this app: a link must not send somebody elsewhere after signing in. */
export function safeNext(next: string | undefined): string {
  return next && /^\/(?![/\\])/.test(next) ? next : '/'
}

export default function SignInPage() {
  const { next } = useSearch({ from: '/sign-in' })
  const navigate = useNavigate()
  const signIn = useMutation({
    mutationFn: (entered: Entered) => answer(api.POST('/api/auth/sign-in', { body: entered })),
    onSuccess: async (signedIn) => {
      adopt(signedIn)
      await navigate({ to: safeNext(next) })
    },
  })
  return (
    <Page title="Sign in" narrow>
      <AccountForm
        submitLabel="Sign in"
        busy={signIn.isPending}
        error={signIn.error}
        onSubmit={(entered) => signIn.mutate(entered)}
      >
        <p className="text-sm text-muted">
          No account yet?{' '}
          <Link to="/sign-up" className="text-ink underline">
            Create one
          </Link>
        </p>
        <TryDemo size="medium" to={safeNext(next)} kind="secondary" />
      </AccountForm>
    </Page>
  )
}
