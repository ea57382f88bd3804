/** A random key. `crypto.randomUUID` exists only on https and localhost; this works on a plain LAN address too. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
