/** `share` 0 to 1; without one the work is under way, nobody knows how far. */
export function Progress({ label, share }: { label: string; share?: number | undefined }) {
  const percent = share === undefined ? undefined : Math.round(share * 100)
  return (
    <div className="max-w-md">
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        className="h-1.5 overflow-hidden rounded-full bg-hover"
      >
        <svg aria-hidden viewBox="0 0 100 1" preserveAspectRatio="none" className="block size-full">
          <rect
            width={percent ?? 100}
            height="1"
            className={percent === undefined ? 'animate-breathe fill-edge' : 'fill-ink'}
          />
        </svg>
      </div>
      <p className="tnum mt-1.5 text-sm text-muted">
        {label}
        {percent !== undefined && ` ${percent}%`}
      </p>
    </div>
  )
}
