import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import { answer, api } from '@/api/client'
import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'

import type { Entered } from './AccountForm'
import { AccountForm } from './AccountForm'

export default function SignUpPage() {
  const signUp = useMutation({
    mutationFn: (entered: Entered) => answer(api.POST('/api/auth/sign-up', { body: entered })),
  })
  if (signUp.data) {
    return (
      <Page title="Account requested" narrow>
        <p role="status" className="mb-6 max-w-[52ch]">
          {signUp.data.message}
        </p>
        <Button kind="primary" asChild>
          <Link to="/sign-in">Sign in</Link>
        </Button>
      </Page>
    )
  }
  return (
    <Page title="Create an account" narrow>
      <AccountForm
        creating
        submitLabel="Create account"
        busy={signUp.isPending}
        error={signUp.error}
        onSubmit={(entered) => signUp.mutate(entered)}
      >
        <p className="text-sm text-muted">
          Already have one?{' '}
          <Link to="/sign-in" className="text-ink underline">
            Sign in
          </Link>
        </p>
      </AccountForm>
    </Page>
  )
}
