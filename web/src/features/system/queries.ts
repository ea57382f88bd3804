import { useQuery } from '@tanstack/react-query'

import { systemQuery } from '@/api/system'

export { systemQuery }

/** True unless the server says that prices and venue are real: what is not known is not claimed to be real. */
export function useSimulated(): boolean | undefined {
  return useQuery(systemQuery).data?.simulated
}
