import clsx from 'clsx'
import { Check } from 'lucide-react'

const STEPS = ['Amount', 'Preview', 'Confirm', 'Progress', 'Receipt'] as const
export type Step = (typeof STEPS)[number]

/** Where in the flow of money this is. Closing and rebalancing have no amount to choose. */
export function Steps({ current, withAmount }: { current: Step; withAmount: boolean }) {
  const steps = withAmount ? STEPS : STEPS.slice(1)
  const position = steps.indexOf(current)
  return (
    <ol aria-label="Steps" className="mb-10 flex gap-2 text-sm md:gap-4">
      {steps.map((step, index) => (
        <li
          key={step}
          aria-current={step === current ? 'step' : undefined}
          className={clsx(
            'flex flex-1 items-center gap-1.5 border-t-2 pt-2',
            index <= position ? 'border-ink' : 'border-hairline',
            step === current ? 'font-medium' : 'text-muted max-md:[&_span]:sr-only',
          )}
        >
          {index < position && <Check aria-hidden className="size-3.5" />}
          <span>{step}</span>
        </li>
      ))}
    </ol>
  )
}
