/** Each measure runs, the way people start it. Its figures are this busy machine's, so nothing is said of them. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

test.each(['dispatch', 'pickup', 'create', 'start'])('npm run bench -- %s', async (measure) => {
  const args = ['run', '--silent', 'bench', '--', measure, '--rounds', '1', '--tasks', '10', '--database', 'postgresql']
  const { stdout } = await run('npm', args)
  const { report } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  const figures = Object.entries<number>(report[`${measure}, postgresql`].median)
  expect(figures.length).toBeGreaterThan(3)
  for (const [name, value] of figures) expect.soft(value, name).toBeGreaterThanOrEqual(0)
})

test('what cannot be measured is refused with the usage', async () => {
  const asked = run('npm', ['run', '--silent', 'bench', '--', 'dispach'])
  await expect(asked).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('There is no measure dispach') })
})
