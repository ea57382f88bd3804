/** "venue_rejected" → "Venue rejected". */
export function nameWords(name: string): string {
  const text = name.replace(/[_-]+/g, ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Named facts as they came, for who wants to know exactly. */
export function Details({ detail, className = 'mt-1' }: { detail: Record<string, unknown>; className?: string }) {
  const entries = Object.entries(detail).filter(([, value]) => value !== null && value !== '')
  if (entries.length === 0) return null
  return (
    <dl className={`${className} text-sm text-muted`}>
      {entries.map(([name, value]) => (
        <div key={name} className="flex gap-2">
          <dt className="shrink-0">{nameWords(name)}</dt>
          <dd className="tnum min-w-0 break-all text-ink">
            {typeof value === 'object' ? (
              <code className="font-mono text-xs">{JSON.stringify(value)}</code>
            ) : (
              String(value)
            )}
          </dd>
        </div>
      ))}
    </dl>
  )
}
