/** Drawings in pixels: what is stroked and filled, and what lies under a pointer. Pure. */
import type { Tool } from './model'
import { FIBONACCI } from './model'

export type Point = readonly [x: number, y: number]
export type Segment = readonly [from: Point, to: Point]

export interface Shape {
  segments: Segment[]
  /** A filled rectangle: two opposite corners. */
  area: Segment | null
}

/** The lines and areas of a drawing whose anchors stand at `points`, on a pane of a size. */
export function shapeOf(tool: Tool, points: readonly Point[], width: number): Shape {
  const [first, second = first] = points
  if (!first || !second) return { segments: [], area: null }
  switch (tool) {
    case 'trend':
      return { segments: [[first, second]], area: null }
    case 'ray':
      return { segments: [[first, rayEnd(first, second, width)]], area: null }
    case 'horizontal':
      return { segments: [[[0, first[1]], [width, first[1]]]], area: null } // prettier-ignore
    case 'rectangle':
    case 'measure':
      return { segments: edges(first, second), area: [first, second] }
    case 'fibonacci':
      return { segments: retracements(first, second), area: [first, second] }
    case 'text':
      return { segments: [], area: null }
  }
}

/** Where the line through two points leaves the pane beyond the second. */
export function rayEnd(first: Point, second: Point, width: number): Point {
  const [dx, dy] = [second[0] - first[0], second[1] - first[1]]
  if (dx === 0) return [second[0], dy >= 0 ? 1e4 : -1e4]
  const target = dx > 0 ? Math.max(width, second[0]) : Math.min(0, second[0])
  return [target, first[1] + (dy / dx) * (target - first[0])]
}

function edges([left, top]: Point, [right, bottom]: Point): Segment[] {
  const corners: Point[] = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ]
  return corners.map((corner, index) => [corner, corners[(index + 1) % 4] ?? corner])
}

function retracements(first: Point, second: Point): Segment[] {
  return FIBONACCI.map((share) => {
    const y = second[1] + (first[1] - second[1]) * share
    return [[first[0], y], [second[0], y]] // prettier-ignore
  })
}

export type Hit = { part: 'anchor'; index: number } | { part: 'body' }

export interface Box {
  left: number
  top: number
  width: number
  height: number
}

/** What of a drawing lies within `reach` pixels of a point. `label`: where its words stand. */
export function hitTest(
  tool: Tool,
  points: readonly Point[],
  at: Point,
  width: number,
  reach: number,
  label?: Box,
): Hit | null {
  const anchor = points.findIndex((point) => Math.hypot(point[0] - at[0], point[1] - at[1]) <= reach * 1.5)
  if (anchor >= 0) return { part: 'anchor', index: anchor }
  const { segments, area } = shapeOf(tool, points, width)
  const near = segments.some((segment) => distance(at, segment) <= reach)
  const inside = area !== null && tool !== 'fibonacci' && within(at, area)
  const onLabel =
    label !== undefined &&
    at[0] >= label.left - reach &&
    at[0] <= label.left + label.width + reach &&
    at[1] >= label.top - reach &&
    at[1] <= label.top + label.height + reach
  return near || inside || onLabel ? { part: 'body' } : null
}

function within([x, y]: Point, [[ax, ay], [bx, by]]: Segment): boolean {
  return x >= Math.min(ax, bx) && x <= Math.max(ax, bx) && y >= Math.min(ay, by) && y <= Math.max(ay, by)
}

/** From a point to the nearest point of a segment. */
export function distance([x, y]: Point, [[ax, ay], [bx, by]]: Segment): number {
  const [dx, dy] = [bx - ax, by - ay]
  const length = dx * dx + dy * dy
  const share = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length))
  return Math.hypot(x - ax - share * dx, y - ay - share * dy)
}
