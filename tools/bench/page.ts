/** Writes the measured figures into a page that is otherwise written by people. */
import { readFileSync, writeFileSync } from 'node:fs'

const BEGIN = '<!-- bench: what is between these two is written by `npm run bench -- --write` -->'
const END = '<!-- /bench -->'

/** @throws Error if the page has no place for it */
export function withBlock(page: string, block: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`The page has no place for figures: ${BEGIN} … ${END}`)
  return `${page.slice(0, from)}${BEGIN}\n\n${block}\n\n${page.slice(to)}`
}

export function writePage(file: string, block: string): void {
  writeFileSync(file, withBlock(readFileSync(file, 'utf8'), block))
}
