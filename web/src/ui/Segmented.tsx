import clsx from 'clsx'
import { RadioGroup } from 'radix-ui'

export interface Segment<Value extends string> {
  value: Value
  label: string
}

/** One choice of a few, side by side. Arrow keys move. */
export function Segmented<Value extends string>({
  label,
  value,
  segments,
  onChange,
  wide = false,
}: {
  label: string
  value: Value
  segments: Segment<Value>[]
  onChange: (value: Value) => void
  wide?: boolean
}) {
  return (
    <RadioGroup.Root
      aria-label={label}
      value={value}
      onValueChange={(next) => onChange(next as Value)}
      className={clsx(
        'gap-0.5 rounded-control border border-hairline bg-surface p-0.5',
        wide ? 'flex w-full' : 'inline-flex',
      )}
    >
      {segments.map((segment) => (
        <RadioGroup.Item
          key={segment.value}
          value={segment.value}
          className={clsx(
            'h-8 rounded-[6px] px-3 text-sm font-medium text-muted transition-colors max-md:h-10',
            'data-[state=checked]:bg-ink data-[state=checked]:text-on-ink',
            wide && 'flex-1',
          )}
        >
          {segment.label}
        </RadioGroup.Item>
      ))}
    </RadioGroup.Root>
  )
}
