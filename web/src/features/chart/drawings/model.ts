/** Drawings of a user on a series. Anchors are times and prices: they stand on every timeframe and scale. */
export const TOOLS = ['trend', 'ray', 'horizontal', 'rectangle', 'fibonacci', 'text', 'measure'] as const
export type Tool = (typeof TOOLS)[number]

export interface Anchor {
  /** UTC seconds. */
  time: number
  price: number
}

export interface Drawing {
  id: string
  tool: Tool
  anchors: Anchor[]
  text: string
  /** One of the eight plot colours. */
  colour: number
}

export const TOOL_WORDS: Record<Tool, string> = {
  trend: 'Trend line',
  ray: 'Ray',
  horizontal: 'Horizontal line',
  rectangle: 'Rectangle',
  fibonacci: 'Fibonacci retracement',
  text: 'Text',
  measure: 'Measure',
}

export function anchorsNeeded(tool: Tool): 1 | 2 {
  return tool === 'horizontal' || tool === 'text' ? 1 : 2
}

/** The retracements of a Fibonacci drawing, from its second anchor back to its first. */
export const FIBONACCI = [0, 0.236, 0.382, 0.5, 0.618, 0.786, 1] as const

const MOST = 200

/** What was stored, as far as it can be drawn. */
export function readDrawings(stored: unknown): Drawing[] {
  if (!Array.isArray(stored)) return []
  return stored.filter(isDrawing).slice(0, MOST)
}

function isDrawing(value: unknown): value is Drawing {
  if (typeof value !== 'object' || value === null) return false
  const { id, tool, anchors, text, colour } = value as Partial<Drawing>
  const known = TOOLS.find((each) => each === tool)
  return (
    typeof id === 'string' &&
    typeof text === 'string' &&
    typeof colour === 'number' &&
    known !== undefined &&
    Array.isArray(anchors) &&
    anchors.length === anchorsNeeded(known) &&
    anchors.every(({ time, price }) => Number.isFinite(time) && Number.isFinite(price))
  )
}
