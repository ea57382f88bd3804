/** The drawings of one series with what was undone and can be done again. */
import { createStore } from '@/lib/store'

import type { Drawing } from './model'

const DEPTH = 100

export class DrawingStore {
  readonly drawings = createStore<readonly Drawing[]>([])
  readonly selected = createStore<string | null>(null)
  readonly steps = createStore({ undo: 0, redo: 0 })
  private past: (readonly Drawing[])[] = []
  private future: (readonly Drawing[])[] = []

  /** `onChanged` is told of every change that is to be kept. */
  constructor(private readonly onChanged: (drawings: readonly Drawing[]) => void) {}

  /** Takes what others made or what was stored; nothing before it can be undone. */
  readonly take = (drawings: readonly Drawing[]): void => {
    this.past = []
    this.future = []
    this.show(drawings)
  }

  add(drawing: Drawing): void {
    this.commit([...this.drawings.get(), drawing])
    this.selected.set(drawing.id)
  }

  change(id: string, change: Partial<Drawing>): void {
    this.commit(this.drawings.get().map((each) => (each.id === id ? { ...each, ...change } : each)))
  }

  /** Shows a change under way, which {@link change} will make one step. */
  preview(id: string, change: Partial<Drawing>): void {
    this.drawings.set(this.drawings.get().map((each) => (each.id === id ? { ...each, ...change } : each)))
  }

  remove(id: string): void {
    this.commit(this.drawings.get().filter((each) => each.id !== id))
  }

  removeAll(): void {
    if (this.drawings.get().length > 0) this.commit([])
  }

  /** `before`: what stood before a change under way was previewed. */
  commit(next: readonly Drawing[], before: readonly Drawing[] = this.drawings.get()): void {
    this.past = [...this.past, before].slice(-DEPTH)
    this.future = []
    this.show(next)
    this.onChanged(next)
  }

  undo(): void {
    this.travel(this.past, this.future)
  }

  redo(): void {
    this.travel(this.future, this.past)
  }

  find(id: string | null): Drawing | undefined {
    return this.drawings.get().find((each) => each.id === id)
  }

  private travel(from: (readonly Drawing[])[], to: (readonly Drawing[])[]): void {
    const next = from.pop()
    if (!next) return
    to.push(this.drawings.get())
    this.show(next)
    this.onChanged(next)
  }

  private show(drawings: readonly Drawing[]): void {
    this.drawings.set(drawings)
    if (!this.find(this.selected.get())) this.selected.set(null)
    this.steps.set({ undo: this.past.length, redo: this.future.length })
  }
}
