/**
 * The console's files. The page is plain modules that a browser loads as they are, and Preact's own; nothing comes from
 * elsewhere. A build has compiled the modules; from sources they are compiled when somebody first opens the page.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = new URL('page/', import.meta.url)

/** What the modules import, and what these import. */
const LIBRARIES = ['preact', 'preact/hooks', 'htm', 'htm/preact']

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

export interface PageFile {
  text: string
  type: string
}

export interface Page {
  html: string
  /** For the content security policy: the hash of the only script that stands in the page itself. */
  scriptHash: string
  /** By name. */
  files: ReadonlyMap<string, PageFile>
}

export async function readPage(): Promise<Page> {
  const files = new Map<string, PageFile>()
  for (const name of await readdir(FOLDER)) {
    if (name.endsWith('.d.ts')) continue
    const source = await readFile(new URL(name, FOLDER), 'utf8')
    const file = name.replace(/\.ts$/, '.js')
    const type = TYPES[extname(file)]
    if (type !== undefined) files.set(file, { text: file === name ? source : await compiled(source), type })
  }
  const imports: Record<string, string> = {}
  for (const name of LIBRARIES) {
    const file = `library-${name.replace('/', '-')}.js`
    const text = await readFile(fileURLToPath(import.meta.resolve(name)), 'utf8')
    files.set(file, { text, type: TYPES['.js'] as string })
    imports[name] = `./${file}`
  }
  const importMap = JSON.stringify({ imports })
  return { html: html(importMap), scriptHash: createHash('sha256').update(importMap).digest('base64'), files }
}

/** Of development alone: a build has compiled it. */
async function compiled(source: string): Promise<string> {
  const { transform } = await import('esbuild')
  return (await transform(source, { loader: 'ts', format: 'esm', target: 'es2022' })).code
}

function html(importMap: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Tasks</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="style.css">
    <script type="importmap">${importMap}</script>
    <script type="module" src="main.js"></script>
  </head>
  <body>
    <noscript>The console needs JavaScript. The command line does not: async-task tasks --help</noscript>
  </body>
</html>
`
}
