import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What starts the whole system, and mostly waits: begun last, it would keep one worker busy while the other has nothing left. */
const LONGEST = ['/tests/e2e/', '/tests/tools/chaos/chaos-run']

/** On a fresh clone Vitest does not know how long files take. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      if (LONGEST.some((part) => moduleId.includes(part))) return 0
      // A process goes on to the next file only where that one is of its kind.
      return project.config.isolate ? 1 : 2
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}
