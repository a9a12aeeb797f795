/** What follows from an application that is not this repository's own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { defineApplication, defineIntegration } from '@/package/index.js'

const words = defineIntegration({
  name: 'words',
  request: z.strictObject({ text: z.string() }),
  result: z.strictObject({ words: z.number() }),
  settings: z.object({ most: z.number().default(3) }),
  local: { run: async () => ({ words: 1 }) },
})
const folder = new URL('./integrations/', import.meta.url)
const application = defineApplication({ integrations: { words }, folder })

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'application-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

it('has the options of its own integrations alone, and without a file the usual ones', () => {
  const { components, integrations } = application.loadConfig({
    root,
    env: { WORDS_MOST: '5', MAIN_LISTEN_PORT: '80' },
  })
  const { most } = integrations.words
  expect([most, Object.keys(integrations), components.main.port]).toEqual([5, ['words'], 80])
})

it('has a file of its own, as a whole', () => {
  writeFileSync(join(root, 'app.config.json'), '{"integrations": {"word": {}}}')
  expect(() => application.loadConfig({ root, env: {} })).toThrow(/components: is missing.*integrations\.word: is not/s)
})

it('without a model, main has what its integrations bring', async () => {
  expect(await application.model()).toEqual({})
  expect(application.integrationsPath).toMatch(/\/tests\/package\/integrations\/$/)
})

it('refuses an integration by another name than its own', () => {
  expect(() => defineApplication({ integrations: { word: words }, folder })).toThrow(
    'integrations/words: export it as words, not as word',
  )
})
