import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'

import { adopt } from '@/api/session'

import { AccountForm } from './AccountForm'
import { safeNext, signIn } from './entering'
import { TryDemo } from './TryDemo'

/** `email`: of somebody who has an account. `next`: where to go then. */
export function SignInForm({ email, next }: { email?: string; next: string | undefined }) {
  const navigate = useNavigate()
  const work = useMutation({
    mutationFn: signIn,
    onSuccess: async (signedIn) => {
      adopt(signedIn)
      await navigate({ to: safeNext(next) })
    },
  })
  return (
    <AccountForm
      email={email}
      submitLabel="Sign in"
      busy={work.isPending}
      error={work.error}
      onSubmit={(entered) => work.mutate(entered)}
    >
      {!email && (
        <p className="text-sm text-muted">
          No account yet?{' '}
          <Link to="/sign-up" search={next ? { next } : {}} className="text-ink underline">
            Create one
          </Link>
        </p>
      )}
      <TryDemo size="medium" to={safeNext(next)} kind="secondary" />
    </AccountForm>
  )
}
