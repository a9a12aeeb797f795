import { mkdir, mkdtemp, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { watchSources } from '@/tools/dev/watch-sources.js'

const FOLDERS = ['main-component', 'async-task-component', 'integrations/video', 'tools/simulators', 'tests', '.data']

let root: string
let seen: Array<{ file: string; parts: string[] }>
let stop: () => Promise<void>
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'sources-')))
  for (const folder of FOLDERS) await mkdir(join(root, folder), { recursive: true })
  await writeFile(join(root, 'app.config.json'), '{}')
  await writeFile(join(root, 'tools/simulators/ark.ts'), '')
  seen = []
  stop = await watchSources(root, async (parts, file) => void seen.push({ file, parts: [...parts].sort() }))
})
afterEach(async () => {
  await stop()
  await rm(root, { recursive: true })
})

/** As editors save: a draft beside it, renamed into place. */
async function saveAtomically(file: string, content: string): Promise<void> {
  const draft = join(root, `${file}.tmp.123`)
  await writeFile(draft, content)
  await rename(draft, join(root, file))
}

const write = (file: string) => writeFile(join(root, file), String(performance.now()))

test('each of several atomic saves of one file is seen', async () => {
  for (let save = 1; save <= 3; save++) {
    await saveAtomically('app.config.json', `{"save": ${save}}`)
    await expect.poll(() => seen.length, { timeout: 5000 }).toBe(save)
  }
  expect(seen.at(-1)).toEqual({ file: 'app.config.json', parts: ['async-task', 'main'] })
})

test.each([
  ['main-component/index.ts', ['main']],
  ['async-task-component/index.ts', ['async-task']],
  ['integrations/video/new.ts', ['async-task', 'main']],
  ['tools/simulators/ark.ts', ['simulators']],
])('a change of %s concerns %j', async (file, parts) => {
  await write(file)
  await expect.poll(() => seen, { timeout: 5000 }).toEqual([{ file, parts }])
})

test("editors' own files, data and tests concern nothing", async () => {
  const others = [
    '.app.config.json.swp',
    '4913',
    'index.ts~',
    '.#index.ts',
    '#index.ts#',
    'index.ts.tmp.12',
    'a.ts___jb_tmp___',
  ]
  for (const name of others) await write(join('main-component', name))
  for (const file of ['.app.config.json.swp', 'app.config.json~', 'tests/a.test.ts', '.data/a.json']) await write(file)
  await rm(join(root, 'main-component/4913'))
  // Changes are seen in their order, and taken together with what comes soon after.
  await utimes(join(root, 'tools/simulators/ark.ts'), new Date(), new Date())
  await expect.poll(() => seen.length, { timeout: 5000 }).toBe(1)
  expect(seen).toEqual([{ file: 'tools/simulators/ark.ts', parts: ['simulators'] }])
})

test('changes while something is started again make it start once more, and not at the same time', async () => {
  await stop()
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  stop = await watchSources(root, async (parts, file) => {
    seen.push({ file, parts: [...parts].sort() })
    await held
  })
  await write('main-component/a.ts')
  await expect.poll(() => seen.length, { timeout: 5000 }).toBe(1)
  await write('main-component/b.ts')
  await write('tools/simulators/ark.ts')
  expect(seen).toHaveLength(1)
  release()
  const later = () => new Set(seen.slice(1).flatMap(({ parts }) => parts))
  await expect.poll(later, { timeout: 5000 }).toEqual(new Set(['main', 'simulators']))
})
