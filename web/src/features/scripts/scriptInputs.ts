/** Reading and checking what is typed into a script's inputs. */
import { TIMEFRAMES } from '@/features/chart/data/timeframes'

export type InputValue = number | string | boolean

/** What a script says about one of its inputs. */
export interface ScriptInput {
  name: string
  label: string
  kind: 'int' | 'float' | 'bool' | 'choice' | 'source' | 'color' | 'timeframe'
  default: InputValue
  min?: number | null
  max?: number | null
  step?: number | null
  options?: InputValue[] | null
  help?: string | null
}

/** As it stands in the form: booleans as they are, everything else as text. */
export type Typed = Record<string, string | boolean>

const SOURCES = ['open', 'high', 'low', 'close', 'volume', 'hl2', 'hlc3', 'ohlc4']

/** The form's first content: the values given, the script's own where there are none. */
export function typedOf(inputs: readonly ScriptInput[], values: Record<string, InputValue> = {}): Typed {
  return Object.fromEntries(
    inputs.map((input) => {
      const value = values[input.name] ?? input.default
      return [input.name, input.kind === 'bool' ? value === true : String(value)]
    }),
  )
}

/** What an input may be, where that is a list. */
export function optionsOf(input: ScriptInput): string[] | null {
  if (input.options && input.options.length > 0) return input.options.map(String)
  if (input.kind === 'source') return SOURCES
  return input.kind === 'timeframe' ? [...TIMEFRAMES] : null
}

/** What is wrong with one typed input, or undefined. */
export function inputProblem(input: ScriptInput, typed: string | boolean | undefined): string | undefined {
  if (input.kind !== 'int' && input.kind !== 'float') return undefined
  if (optionsOf(input)) return undefined
  const text = String(typed ?? '').trim()
  const number = Number(text)
  if (text === '' || !Number.isFinite(number)) return 'Write a number.'
  if (input.kind === 'int' && !Number.isInteger(number)) return 'Write a whole number.'
  if (input.min != null && number < input.min) return `At least ${input.min}.`
  if (input.max != null && number > input.max) return `At most ${input.max}.`
  return undefined
}

export const inputsHold = (inputs: readonly ScriptInput[], typed: Typed) =>
  inputs.every((input) => inputProblem(input, typed[input.name]) === undefined)

/** The values as the API takes them; only of inputs the script has. */
export function valuesOf(inputs: readonly ScriptInput[], typed: Typed): Record<string, InputValue> {
  return Object.fromEntries(inputs.map((input) => [input.name, valueOf(input, typed[input.name])]))
}

function valueOf(input: ScriptInput, typed: string | boolean | undefined): InputValue {
  if (typed === undefined) return input.default
  if (input.kind === 'bool') return typed === true
  const option = input.options?.find((each) => String(each) === typed)
  if (option !== undefined) return option
  return input.kind === 'int' || input.kind === 'float' ? Number(typed) : String(typed)
}
