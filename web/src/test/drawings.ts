import type { Drawing } from '@/features/chart/drawings/model'

export const horizontalLine = (id: string): Drawing => ({
  id,
  tool: 'horizontal',
  anchors: [{ time: 1, price: 1 }],
  text: '',
  colour: 1,
})
