/** Dark or light: as the system has it, unless the reader has chosen. */
import { html } from 'htm/preact'
import { useState } from 'preact/hooks'

const THEMES = ['system', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]
const KEY = 'console-theme'

function chosen(): Theme {
  const kept = localStorage.getItem(KEY)
  return THEMES.find((theme) => theme === kept) ?? 'system'
}

export function applyTheme(theme = chosen()): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

export function ThemeChoice() {
  const [theme, setTheme] = useState(chosen)
  const choose = (event: Event) => {
    const value = (event.currentTarget as HTMLSelectElement).value as Theme
    localStorage.setItem(KEY, value)
    applyTheme(value)
    setTheme(value)
  }
  return html`<label class="theme">
    <span class="unseen">Colours</span>
    <select value=${theme} onChange=${choose}>
      ${THEMES.map((name) => html`<option value=${name} key=${name}>${name}</option>`)}
    </select>
  </label>`
}
