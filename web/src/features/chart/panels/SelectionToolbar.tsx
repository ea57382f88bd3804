/** What can be done with what is selected on the chart; on a phone below the legend, not over it. */
export function SelectionToolbar({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div
      role="toolbar"
      aria-label={label}
      className="absolute top-12 left-1/2 z-20 flex w-max max-w-[calc(100%-16px)] -translate-x-1/2 animate-enter flex-wrap items-center gap-1 rounded-card bg-canvas p-1.5 shadow-sheet max-md:top-auto max-md:bottom-24"
    >
      {children}
    </div>
  )
}
