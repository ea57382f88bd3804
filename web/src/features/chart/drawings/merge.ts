import type { Drawing } from './model'

/**
 * Two changes of the same drawings as one. What either has deleted stays deleted, what either has added is there, and
 * what both have changed is as it is here.
 */
export function merged(base: readonly Drawing[], ours: readonly Drawing[], theirs: readonly Drawing[]): Drawing[] {
  const [before, here, there] = [base, ours, theirs].map((all) => new Map(all.map((each) => [each.id, each])))
  const kept = theirs.flatMap((their): Drawing[] => {
    const [was, our] = [before?.get(their.id), here?.get(their.id)]
    if (!our) return was ? [] : [their]
    return [was && isSame(was, our) ? their : our]
  })
  return [...kept, ...ours.filter((our) => !there?.has(our.id) && !before?.has(our.id))]
}

function isSame(one: Drawing, other: Drawing): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
