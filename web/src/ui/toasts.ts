import { createStore } from '@/lib/store'

export interface ToastMessage {
  id: number
  text: string
}

export const toasts = createStore<ToastMessage[]>([])

let next = 1

/** Says something once, without asking for anything. */
export function toast(text: string): void {
  toasts.set([...toasts.get(), { id: next++, text }])
}

export function dismissToast(id: number): void {
  toasts.set(toasts.get().filter((each) => each.id !== id))
}
