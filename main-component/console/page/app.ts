/** The whole page: who is signed in, where one can go, and the page that the address names. */
import { html } from 'htm/preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Acts } from './acts.js'
import type { Session } from './answers.js'
import { type AskError, ask, createAPIs } from './asking.js'
import { Console } from './context.js'
import { List } from './list.js'
import { Live, type LiveState } from './live.js'
import { Overview } from './overview.js'
import { linkTo, type Route, useRoute } from './route.js'
import { SignIn } from './sign-in.js'
import { Task } from './task.js'
import { ThemeChoice } from './theme.js'

type Known = { session: Session | null } | { failure: AskError } | undefined

export function App() {
  const [known, setKnown] = useState<Known>()
  const look = () => {
    ask<Session | null>('session').then(
      (session) => setKnown({ session }),
      (failure: AskError) => setKnown(failure.status === 401 ? { session: null } : { failure }),
    )
  }
  useEffect(look, [])
  if (known === undefined) return html`<p class="quiet first" role="status">Loading …</p>`
  if ('failure' in known) {
    return html`<main class="notice bad first" role="alert">
      <p>${known.failure.message}.</p>
      <button type="button" onClick=${look}>Try again</button>
    </main>`
  }
  if (!known.session) return html`<${SignIn} signedIn=${(session: Session) => setKnown({ session })} />`
  return html`<${SignedIn} session=${known.session} signedOut=${() => setKnown({ session: null })} key=${known.session.csrf} />`
}

function SignedIn({ session, signedOut }: { session: Session; signedOut: () => void }) {
  const [state, setState] = useState<LiveState>('connecting')
  const live = useMemo(() => new Live(setState), [])
  useEffect(() => () => live.close(), [live])
  const apis = useMemo(() => createAPIs(session, signedOut), [session])
  const route = useRoute()
  const main = useRef<HTMLElement>(null)
  useHeadingFocus(main, route)
  const signOut = () => {
    ask('sign-out', { body: {}, headers: { 'x-console-csrf': session.csrf } }).then(signedOut, signedOut)
  }
  // Whom the application has signed in, it also signs out.
  const isOurs = session.csrf !== ''
  const current = (page: Route['page']) => (route.page === page ? { 'aria-current': 'page' } : {})
  // Not a link to `#main`: what follows the `#` names the page.
  const skip = (event: Event) => {
    event.preventDefault()
    main.current?.focus()
  }
  return html`<${Console.Provider} value=${{ apis, live }}>
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="bar">
      <nav aria-label="Pages">
        <a href=${linkTo('')} ...${current('overview')}>Overview</a>
        <a href=${linkTo('tasks')} ...${current('list')}>Tasks</a>
        <a href=${linkTo('acts')} ...${current('acts')}>Acts</a>
      </nav>
      <${Connection} state=${state} />
      <div class="who">
        <${ThemeChoice} />
        <span class="name" title="Signed in as">${session.name}</span>
        ${isOurs && html`<button type="button" class="plain" onClick=${signOut}>Sign out</button>`}
      </div>
    </header>
    <main id="main" tabindex="-1" ref=${main}><${Page} route=${route} /></main>
  <//>`
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'overview':
      return html`<${Overview} />`
    case 'list':
      return html`<${List} query=${route.query} />`
    case 'task':
      return html`<${Task} taskId=${route.taskId} key=${route.taskId} />`
    case 'acts':
      return html`<${Acts} integration=${route.query.integration ?? ''} key=${route.query.integration ?? ''} />`
    default:
      return html`<h1 tabindex="-1">There is no such page</h1><p><a href=${linkTo('')}>Overview</a></p>`
  }
}

const CONNECTION: Record<LiveState, string> = {
  connecting: 'Connecting …',
  live: 'Live',
  lost: 'Connection lost: what you see may be old. Trying again …',
}

function Connection({ state }: { state: LiveState }) {
  return html`<p class=${`connection ${state}`} role="status">${CONNECTION[state]}</p>`
}

/** On another page, readers and the keyboard begin at its heading. */
function useHeadingFocus(main: { current: HTMLElement | null }, route: Route): void {
  const place = route.page === 'task' ? `task ${route.taskId}` : route.page
  const before = useRef(place)
  useEffect(() => {
    const heading = main.current?.querySelector('h1')
    document.title = `${heading?.textContent?.trim() || 'Tasks'} · console`
    if (before.current !== place) heading?.focus()
    before.current = place
  }, [place])
}
