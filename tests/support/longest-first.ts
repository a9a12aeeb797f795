import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What starts the whole system, and mostly waits: begun last, it would keep one worker busy while the other has nothing left. */
const LONGEST = ['/tests/e2e/', '/tests/tools/chaos/chaos-run']

/** On a fresh clone Vitest does not know how long files take. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => (LONGEST.some((part) => moduleId.includes(part)) ? 0 : 1)
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}
