/** Disks for a test: one that is soon full, one that nobody may write. As root they are mounted, as root may write anywhere. */
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0

export interface TestDisk {
  path: string
  remove(): Promise<void>
}

export interface SmallDisk extends TestDisk {
  resize(megabytes: number): Promise<void>
}

/** A file system of its own, in memory. It needs Linux, and root or sudo without a password. */
export async function smallDisk(megabytes: number): Promise<SmallDisk> {
  const disk = await mounted(`size=${megabytes}m,mode=777`)
  return {
    ...disk,
    resize: (size) => asRoot('mount', '-o', `remount,size=${size}m`, disk.path),
  }
}

export async function readOnlyFolder(): Promise<TestDisk> {
  if (isRoot) return mounted('ro')
  const path = await mkdtemp(join(tmpdir(), 'read-only-'))
  await chmod(path, 0o555)
  return { path, remove: () => rm(path, { recursive: true }) }
}

async function mounted(options: string): Promise<TestDisk> {
  const path = await mkdtemp(join(tmpdir(), 'disk-'))
  await asRoot('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', path)
  return {
    path,
    async remove() {
      // What was killed a moment ago may still have files open.
      await asRoot('umount', '--lazy', path)
      await rm(path, { recursive: true })
    },
  }
}

async function asRoot(program: string, ...args: string[]): Promise<void> {
  await (isRoot ? run(program, args) : run('sudo', ['-n', program, ...args]))
}
