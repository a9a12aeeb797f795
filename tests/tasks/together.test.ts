import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { Together } from '@/tasks/together.js'

/** Work whose batches end one by one, when the test says so. */
function held() {
  const batches: Array<{ items: number[]; end(): void; fail(error: Error): void }> = []
  const together = new Together<number, number>(
    (items) =>
      new Promise((resolve, reject) => {
        batches.push({ items, end: () => resolve(items.map((item) => 10 * item)), fail: reject })
      }),
    3,
  )
  const nextBatch = async (index: number) => {
    await expect.poll(() => batches[index]?.items, { interval: 1 }).toBeDefined()
    return batches[index] as (typeof batches)[number]
  }
  return { together, nextBatch }
}

test('what comes while others are done is done together afterwards, so many at once, and each gets its own result', async () => {
  const { together, nextBatch } = held()
  const first = together.do(1)
  const one = await nextBatch(0)
  expect(one.items).toEqual([1])
  const others = [2, 3, 4, 5].map((item) => together.do(item))
  one.end()
  expect(await first).toBe(10)
  const two = await nextBatch(1)
  expect(two.items).toEqual([2, 3, 4])
  two.end()
  const three = await nextBatch(2)
  expect(three.items).toEqual([5])
  three.end()
  expect(await Promise.all(others)).toEqual([20, 30, 40, 50])
})

test('what fails fails for those that were done together, and for no others', async () => {
  const { together, nextBatch } = held()
  const failed = [together.do(1), together.do(2)].map((work) => expect(work).rejects.toThrow('disk'))
  const one = await nextBatch(0)
  const later = together.do(3)
  one.fail(new Error('disk'))
  await Promise.all(failed)
  const two = await nextBatch(1)
  two.end()
  expect(await later).toBe(30)
})

test('it is done in the context of the first', async () => {
  const of = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const together = new Together<string, undefined>(async (items) => {
    seen.push([of.getStore(), items])
    return items.map(() => undefined)
  }, 9)
  await Promise.all(['a', 'b'].map((name) => of.run(name, () => together.do(name))))
  expect(seen).toEqual([['a', ['a', 'b']]])
})
