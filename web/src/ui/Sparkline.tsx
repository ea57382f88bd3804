/** The shape of the last day, without axes, in the colour of the change that stands beside it. */
export function Sparkline({
  values,
  change,
  width = 120,
  height = 32,
  className,
}: {
  values: number[]
  change: number | null
  width?: number
  height?: number
  className?: string
}) {
  if (values.length < 2) return <svg aria-hidden width={width} height={height} className={className} />
  const low = Math.min(...values)
  const span = Math.max(...values) - low || 1
  const x = (index: number) => 1 + (index / (values.length - 1)) * (width - 2)
  const y = (value: number) => 2 + (1 - (value - low) / span) * (height - 4)
  const points = values.map((value, index) => `${Math.round(x(index) * 10) / 10},${Math.round(y(value) * 10) / 10}`)
  const rose = (change ?? (values.at(-1) ?? 0) - (values[0] ?? 0)) >= 0
  return (
    <svg
      aria-hidden
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      preserveAspectRatio="none"
      className={className}
    >
      <polyline
        points={points.join(' ')}
        fill="none"
        vectorEffect="non-scaling-stroke"
        strokeWidth="1.5"
        strokeLinejoin="round"
        strokeLinecap="round"
        className={rose ? 'stroke-up' : 'stroke-down'}
      />
    </svg>
  )
}
