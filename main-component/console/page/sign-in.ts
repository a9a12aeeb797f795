/** Who is not signed in gives a token and a name: the name is for the record of acts. */
import { html } from 'htm/preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Session } from './answers.js'
import { type AskError, ask } from './asking.js'

const NAME_KEY = 'console-name'

export function SignIn({ signedIn }: { signedIn: (session: Session) => void }) {
  const [failure, setFailure] = useState('')
  const [isAsking, setAsking] = useState(false)
  const token = useRef<HTMLInputElement>(null)
  useEffect(() => {
    document.title = 'Sign in · console'
    token.current?.focus()
  }, [])
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const given = new FormData(event.currentTarget as HTMLFormElement)
    const name = String(given.get('name')).trim()
    setAsking(true)
    try {
      const session = await ask<Session>('session', {
        body: { token: String(given.get('token')), ...(name !== '' && { name }) },
      })
      localStorage.setItem(NAME_KEY, name)
      signedIn(session)
    } catch (error) {
      setFailure((error as AskError).message)
      setAsking(false)
      token.current?.select()
    }
  }
  return html`<main class="sign-in">
    <h1>Sign in</h1>
    <form onSubmit=${submit}>
      <label>Token
        <input name="token" type="password" autocomplete="current-password" required ref=${token}
          aria-describedby="token-help" aria-invalid=${failure !== ''} />
      </label>
      <p class="help" id="token-help">The operators’ (main has it as OPERATOR_TOKEN), or your own, if you may act as one. The browser does not keep it.</p>
      <label>Your name
        <input name="name" autocomplete="username" maxlength="200"
          defaultValue=${localStorage.getItem(NAME_KEY) ?? ''} aria-describedby="name-help" />
      </label>
      <p class="help" id="name-help">With the operators’ token: it stands beside all that you do, in the record of acts.</p>
      <div role="alert">${failure !== '' && html`<p class="notice bad">${failure}.</p>`}</div>
      <button type="submit" class="main" disabled=${isAsking}>Sign in</button>
    </form>
  </main>`
}
