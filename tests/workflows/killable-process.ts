/** Starts `worker-process.ts`, learns which runs it has stopped, and kills it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { WorkerProcessMessage, WorkerProcessOptions } from './worker-process.js'

const ENTRY = fileURLToPath(new URL('worker-process.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface KillableProcess {
  /** Ends it at once, as a crash would: SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>
}

/** Resolves when its workers run. */
export async function startKillableProcess(
  options: WorkerProcessOptions,
  onStopped: (workflowId: string) => void,
): Promise<KillableProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', ENTRY, JSON.stringify(options)], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const exited = once(child, 'exit')
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: WorkerProcessMessage) => {
      if (message.type === 'ready') resolve()
      else onStopped(message.workflowId)
    })
    child.once('exit', (code) => reject(new Error(`The worker's process ended with ${code}:\n${stderr}`)))
  })
  return {
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
