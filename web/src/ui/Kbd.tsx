const MAC = /Mac|iPhone|iPad/.test(navigator.userAgent)

/** "g i" or "mod k" as keys. */
export function Kbd({ keys }: { keys: string }) {
  return (
    <span className="inline-flex gap-1">
      {keys.split(' ').map((key) => (
        <kbd
          key={key}
          className="min-w-6 rounded-[5px] border border-hairline px-1.5 text-center font-mono text-xs leading-5 text-muted"
        >
          {key === 'mod' ? (MAC ? '⌘' : 'Ctrl') : key.toUpperCase()}
        </kbd>
      ))}
    </span>
  )
}
