/** The console starts here, in the browser. */
import { html, render } from 'htm/preact'
import { App } from './app.js'
import { applyTheme } from './theme.js'

applyTheme()
render(html`<${App} />`, document.body)
