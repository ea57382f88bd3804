/** Words of the server. What they put between back-quotes, such as a command, is shown as code. */
export function ServerWords({ children }: { children: string }) {
  return children.split(/`([^`]+)`/).map((part, place) =>
    place % 2 === 0 ? (
      part
    ) : (
      <code key={place} className="font-mono text-[0.9em]">
        {part}
      </code>
    ),
  )
}
