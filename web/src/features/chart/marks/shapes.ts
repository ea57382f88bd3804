/** The shapes of marks, drawn around a point. */
import type { Shape } from './model'

/** Half the width of a mark in pixels. */
export const HALF = 6
export const DISC = 9

type Path = readonly (readonly [number, number])[]

const POLYGONS: Partial<Record<Shape, Path>> = {
  square: [[-5, -5], [5, -5], [5, 5], [-5, 5]],
  diamond: [[0, -7], [6, 0], [0, 7], [-6, 0]],
  star: Array.from({ length: 10 }, (_, point): [number, number] => {
    const [angle, reach] = [(Math.PI * point) / 5 - Math.PI / 2, point % 2 === 0 ? 8 : 3.4]
    return [Math.cos(angle) * reach, Math.sin(angle) * reach]
  }),
  flag: [[-5, -8], [6, -4.5], [-3, -1], [-3, 8], [-5, 8]],
  'arrow-up': [[0, -6], [6, 6], [-6, 6]],
  'arrow-down': [[0, 6], [-6, -6], [6, -6]],
} // prettier-ignore

/** Traces a shape; the caller fills and strokes it. */
export function trace(context: CanvasRenderingContext2D, shape: Shape, x: number, y: number): void {
  context.beginPath()
  const polygon = POLYGONS[shape]
  if (polygon) {
    for (const [dx, dy] of polygon) context.lineTo(x + dx, y + dy)
    context.closePath()
  } else if (shape === 'note') context.roundRect(x - 8, y - 8, 16, 16, 3)
  else context.arc(x, y, shape === 'disc' ? DISC : 5, 0, 2 * Math.PI)
}
