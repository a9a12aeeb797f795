/** A question that is answered before anything else, by the browser's own <dialog>: it keeps the focus, and gives it back. */
import { html } from 'htm/preact'
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks'

export interface DialogProps {
  title: string
  close(): void
  children?: unknown
}

export function Dialog({ title, close, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useLayoutEffect(() => {
    const element = dialog.current
    element?.showModal()
    // Before it is taken away: only then the focus goes back.
    return () => element?.close()
  }, [])
  const cancelled = (event: Event) => {
    event.preventDefault()
    close()
  }
  return html`<dialog ref=${dialog} aria-labelledby=${heading} onCancel=${cancelled}>
    <h2 id=${heading}>${title}</h2>
    ${children}
  </dialog>`
}

export interface ConfirmProps {
  title: string
  /** What the button says that does it. */
  verb: string
  /** Whether something is lost by it. */
  isGrave?: boolean
  needsReason?: boolean
  /** Does it; what it throws is shown. */
  confirm(reason: string, form: FormData): Promise<unknown>
  close(): void
  children?: unknown
}

/** Asks whether to, and why. */
export function Confirm({ title, verb, isGrave, needsReason = false, confirm, close, children }: ConfirmProps) {
  const [failure, setFailure] = useState('')
  const [isActing, setActing] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    setActing(true)
    try {
      await confirm(String(form.get('reason') ?? ''), form)
      close()
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error))
      setActing(false)
    }
  }
  return html`<${Dialog} title=${title} close=${close}>
    <form onSubmit=${submit}>
      ${children}
      <${Reason} isNeeded=${needsReason} />
      <div role="alert">${failure !== '' && html`<p class="notice bad">${failure}.</p>`}</div>
      <div class="buttons">
        <button type="button" onClick=${close}>Go back</button>
        <button type="submit" class=${isGrave ? 'grave' : 'main'} disabled=${isActing}>${verb}</button>
      </div>
    </form>
  <//>`
}

export function Reason({ isNeeded }: { isNeeded: boolean }) {
  return html`<label>Reason, for the record${!isNeeded && ' (may be empty)'}
    <input name="reason" maxlength="1000" required=${isNeeded} pattern=${isNeeded ? '.*\\S.*' : undefined} title="Why it is done" autocomplete="off" />
  </label>`
}
