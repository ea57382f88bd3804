/** What the page is built on. A test holds this list against package.json. */
export const LICENCES: { name: string; licence: string; holder: string }[] = [
  { name: '@fontsource-variable/inter', licence: 'OFL-1.1', holder: 'The Inter Project Authors' },
  { name: '@tanstack/react-query', licence: 'MIT', holder: 'Tanner Linsley' },
  { name: '@tanstack/react-router', licence: 'MIT', holder: 'Tanner Linsley' },
  { name: 'clsx', licence: 'MIT', holder: 'Luke Edwards' },
  { name: 'cmdk', licence: 'MIT', holder: 'Paco Coursey' },
  { name: 'get-nonce', licence: 'MIT', holder: 'Anton Korzunov' },
  { name: 'lightweight-charts', licence: 'Apache-2.0', holder: 'TradingView, Inc.' },
  { name: 'lucide-react', licence: 'ISC', holder: 'Lucide Icons and Contributors' },
  { name: 'openapi-fetch', licence: 'MIT', holder: 'Drew Powers' },
  { name: 'radix-ui', licence: 'MIT', holder: 'WorkOS' },
  { name: 'react', licence: 'MIT', holder: 'Meta Platforms, Inc. and affiliates' },
  { name: 'react-dom', licence: 'MIT', holder: 'Meta Platforms, Inc. and affiliates' },
]
