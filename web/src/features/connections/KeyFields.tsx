import { Field } from '@/ui/Field'

export interface Key {
  api_key: string
  api_secret: string
}

export const NO_KEY: Key = { api_key: '', api_secret: '' }

/** What is wrong with an entered key, by field. */
export function keyProblems(entered: Key): Partial<Key> {
  const problems: Partial<Key> = {}
  if (!/^[A-Za-z0-9]{8,128}$/.test(entered.api_key.trim())) {
    problems.api_key = 'An API key is 8 or more letters and digits. Copy it again from Bybit.'
  }
  if (!/^\S{8,256}$/.test(entered.api_secret.trim())) {
    problems.api_secret = 'The secret has 8 or more characters and no spaces. Bybit shows it only once.'
  }
  return problems
}

export const trimmed = (entered: Key): Key => ({
  api_key: entered.api_key.trim(),
  api_secret: entered.api_secret.trim(),
})

export function KeyFields({
  entered,
  problems,
  onChange,
}: {
  entered: Key
  problems: Partial<Key>
  onChange: (change: Partial<Key>) => void
}) {
  return (
    <>
      <Field
        label="API key"
        autoComplete="off"
        spellCheck={false}
        className="[&_input]:font-mono"
        value={entered.api_key}
        error={problems.api_key}
        onChange={(event) => onChange({ api_key: event.target.value })}
      />
      <Field
        label="API secret"
        type="password"
        autoComplete="off"
        className="[&_input]:font-mono"
        value={entered.api_secret}
        error={problems.api_secret}
        hint="Sealed at once. Only the process that places orders can open it, and it is never shown again."
        onChange={(event) => onChange({ api_secret: event.target.value })}
      />
    </>
  )
}
