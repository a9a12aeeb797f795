/** The repository's programs: what runs on its own, and has its own sources. */
export type Part = 'main' | 'async-task' | 'simulators'

/** A program of the repository, as it is started on this machine. */
export interface Program {
  name: string
  part: Part
  /** A file of the repository. */
  entry: string
  args?: string[]
  env: NodeJS.ProcessEnv
}

/** A simulator at its default address. */
export function simulatorProgram(simulator: string, port: string | number, env: NodeJS.ProcessEnv): Program {
  return {
    name: `simulator-${simulator}`,
    part: 'simulators',
    entry: 'tools/simulators/main.ts',
    args: [simulator, '--port', String(port)],
    env,
  }
}
