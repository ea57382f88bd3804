import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { ConfirmDialog } from '@/ui/ConfirmDialog'

import { deleteScript, scriptQuery } from './queries'
import type { ScriptView } from './types'
import type { Workbench } from './useWorkbench'

/** Confirmed, because its versions go with it. */
export function DeleteScript({ script, work, onClose }: { script: ScriptView; work: Workbench; onClose: () => void }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  return (
    <ConfirmDialog
      title={`Delete “${script.name}”?`}
      text="It leaves your charts with all its versions. Back-tests and strategies that were made with it keep the version they use."
      action="Delete"
      danger
      perform={(key) => deleteScript(script.id, key)}
      said={`“${script.name}” is deleted.`}
      onDone={() => {
        work.drop()
        void navigate({ to: '/scripts', ignoreBlocker: true }).then(() => {
          client.removeQueries({ queryKey: scriptQuery(script.id).queryKey })
          return client.invalidateQueries({ queryKey: ['scripts'], exact: true })
        })
      }}
      onClose={onClose}
    />
  )
}
