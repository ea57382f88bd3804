import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'

import { answer, api } from '@/api/client'
import { adopt } from '@/api/session'
import { Page } from '@/ui/Layout'

import type { Entered } from './AccountForm'
import { AccountForm } from './AccountForm'
import { safeNext, signIn } from './entering'
import { SignInForm } from './SignInForm'

/** Signs in with the new account. Where that fails, as where the address had one already (of which the server does not
 * tell), it is done by hand. */
async function signUp(entered: Entered) {
  const { message } = await answer(api.POST('/api/auth/sign-up', { body: entered }))
  const signedIn = await signIn(entered).catch(() => null)
  return { message, signedIn, email: entered.email }
}

export default function SignUpPage() {
  const { next } = useSearch({ from: '/sign-up' })
  const navigate = useNavigate()
  const work = useMutation({
    mutationFn: signUp,
    onSuccess: async ({ signedIn }) => {
      if (!signedIn) return
      adopt(signedIn)
      await navigate({ to: safeNext(next) })
    },
  })
  if (work.data && !work.data.signedIn) {
    return (
      <Page title="Sign in" narrow>
        <p role="status" className="mb-6 max-w-[52ch]">
          {work.data.message}
        </p>
        <SignInForm email={work.data.email} next={next} />
      </Page>
    )
  }
  return (
    <Page title="Create an account" narrow>
      <AccountForm
        creating
        submitLabel="Create account"
        busy={work.isPending}
        error={work.error}
        onSubmit={(entered) => work.mutate(entered)}
      >
        <p className="text-sm text-muted">
          Already have one?{' '}
          <Link to="/sign-in" search={next ? { next } : {}} className="text-ink underline">
            Sign in
          </Link>
        </p>
      </AccountForm>
    </Page>
  )
}
