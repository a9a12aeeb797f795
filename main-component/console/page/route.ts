/** Which page the address names, after the `#`: `#/tasks?status=failed`. Filters are a part of it. */
import { useEffect, useState } from 'preact/hooks'
import { type Query, queryOf } from './query.js'

export type Route =
  | { page: 'overview' | 'acts' | 'unknown'; query: Record<string, string> }
  | { page: 'list'; query: Record<string, string> }
  | { page: 'task'; taskId: string; query: Record<string, string> }

function readRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#/, '').split(/\?(.*)/s)
  const query = Object.fromEntries(new URLSearchParams(search))
  const [first = '', second, ...more] = path.split('/').filter((part) => part !== '')
  if (more.length > 0) return { page: 'unknown', query }
  if (first === 'tasks' && second !== undefined) return { page: 'task', taskId: decoded(second), query }
  if (second !== undefined) return { page: 'unknown', query }
  if (first === '') return { page: 'overview', query }
  if (first === 'tasks') return { page: 'list', query }
  return { page: first === 'acts' ? 'acts' : 'unknown', query }
}

/** As it is, if it is not encoded rightly. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function linkTo(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== '')
  return `#/${path}${queryOf(Object.fromEntries(given))}`
}

export function linkToTask(taskId: string): string {
  return linkTo(`tasks/${encodeURIComponent(taskId)}`)
}

/** The page that is shown, and again when it changes. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash))
  useEffect(() => {
    const changed = () => setRoute(readRoute(location.hash))
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return route
}
