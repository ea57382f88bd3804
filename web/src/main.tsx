import './styles.css'

import { setNonce } from 'get-nonce'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { restoreSession } from '@/api/session'
import { App } from '@/app/App'
import { applyAppearance, watchSystemTheme } from '@/lib/appearance'

async function start(): Promise<void> {
  if (import.meta.env.MODE === 'mock') await (await import('@/mocks/browser')).startMocks()
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content
  if (nonce) setNonce(nonce)
  applyAppearance()
  watchSystemTheme()
  await restoreSession()
  const root = document.getElementById('root')
  if (!root) throw new Error('index.html has no #root')
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  )
}

void start()
