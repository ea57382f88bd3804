import { useSearch } from '@tanstack/react-router'

import { Page } from '@/ui/Layout'

import { SignInForm } from './SignInForm'

export default function SignInPage() {
  const { next } = useSearch({ from: '/sign-in' })
  return (
    <Page title="Sign in" narrow>
      <SignInForm next={next} />
    </Page>
  )
}
