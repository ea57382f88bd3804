import { useState } from 'react'

import { Button } from '@/ui/Button'
import { Notice } from '@/ui/States'

/** Asks first where something was `written`: a long note is not gone by one press. */
export function ThrowAway({ written, onThrow }: { written: boolean; onThrow: () => void }) {
  const [asking, setAsking] = useState(false)
  if (!asking) {
    return (
      <Button kind="quiet" onClick={() => (written ? setAsking(true) : onThrow())}>
        Throw away
      </Button>
    )
  }
  return (
    <Notice kind="warning" className="w-full">
      <p className="mb-3">What you wrote here and did not save cannot be brought back.</p>
      <div className="flex flex-wrap gap-3">
        <Button size="small" autoFocus onClick={() => setAsking(false)}>
          Keep writing
        </Button>
        <Button size="small" kind="quiet" onClick={onThrow}>
          Throw it away
        </Button>
      </div>
    </Notice>
  )
}
