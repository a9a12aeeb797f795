/** A real browser for tests of the console. Whatever the browser complains of, each test finds in `problems`. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import chromium from '@sparticuz/chromium'
import puppeteer, { type Browser, type HTTPRequest, type KeyInput, type Page } from 'puppeteer-core'

/** How long something may take to appear: on a busy machine, the browser itself is slow. */
const APPEARS_MS = 10_000

export interface TestBrowser {
  /** A page of a browser profile of its own, as of another person. */
  open(options: { url: string; colours?: 'light' | 'dark'; width?: number; height?: number }): Promise<TestPage>
  stop(): Promise<void>
}

export async function startBrowser(): Promise<TestBrowser> {
  const folder = await mkdtemp(join(tmpdir(), 'browser-'))
  const browser = await puppeteer.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--lang=en-GB'],
    headless: 'shell',
    userDataDir: folder,
  })
  return {
    async open({ url, colours = 'light', width = 1280, height = 900 }) {
      const page = await newPage(browser)
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: colours }])
      await page.setViewport({ width, height })
      const test = new TestPage(page, new URL(url).origin)
      await test.watch()
      await page.goto(url)
      return test
    },
    async stop() {
      await browser.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.createBrowserContext()
  return context.newPage()
}

export class TestPage {
  /** What the browser complained of: errors, requests to elsewhere, violations of the page's policy. */
  readonly problems: string[] = []
  readonly #expected: RegExp[] = []

  constructor(
    readonly page: Page,
    private readonly origin: string,
  ) {
    page.setDefaultTimeout(APPEARS_MS)
  }

  /** The browser itself notes each request that is refused or fails: which ones a test brings about. */
  expectProblems(...patterns: RegExp[]): void {
    this.#expected.push(...patterns)
  }

  async watch(): Promise<void> {
    const { page } = this
    const note = (problem: string) => {
      if (!this.#expected.some((pattern) => pattern.test(problem))) this.problems.push(problem)
    }
    page.on('console', (message) => {
      const { url = '' } = message.location()
      // What a test itself has the page do, as axe's looking into styles, is not the page's.
      if ((message.type() !== 'error' && message.type() !== 'warn') || url.startsWith('pptr:')) return
      note(`console: ${message.text()} ${url}`)
    })
    page.on('pageerror', (error) => note(`threw: ${String(error)}`))
    page.on('dialog', (dialog) => {
      note(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('request', (request: HTTPRequest) => {
      const url = request.url()
      if (!url.startsWith(`${this.origin}/`) && !url.startsWith('data:')) note(`asked elsewhere: ${url}`)
    })
    // Who is not signed in is told so by a 401.
    this.expectProblems(/status of 401 .* .*\/console\/session$/)
  }

  /** What a page's own scripts, which its policy forbids, would have left behind. */
  injected(): Promise<unknown> {
    return this.page.evaluate(() => (globalThis as { injected?: unknown }).injected ?? null)
  }

  async signIn(token: string, name = 'Olga'): Promise<void> {
    await this.fill('Token', token)
    await this.fill('Your name', name)
    await this.click('button', 'Sign in')
    await this.heading('Overview')
  }

  /** Opens a page of the console by its address, as from a bookmark. */
  async at(hash: string): Promise<void> {
    await this.page.evaluate((to) => {
      location.hash = to
    }, hash)
  }

  async click(role: string, name: string): Promise<void> {
    await this.page
      .locator(`::-p-aria([name="${name}"][role="${role}"])`)
      .click()
      .catch((cause: unknown) => this.#lacks(`a ${role} ${name} to click`, cause))
  }

  async fill(label: string, text: string): Promise<void> {
    const selector = `::-p-aria([name="${label}"])`
    await this.page.waitForSelector(selector)
    await this.page.locator(selector).fill(text)
  }

  /** Opens all that is folded. */
  async unfold(): Promise<void> {
    await this.page.$$eval('details', (all) => {
      for (const fold of all) fold.open = true
    })
  }

  /** Presses a key that changes a field's value only then. */
  press(key: KeyInput): Promise<void> {
    return this.page.keyboard.press(key)
  }

  async choose(label: string, value: string): Promise<void> {
    const field = await this.page.waitForSelector(`::-p-aria([name="${label}"])`)
    await field?.select(value)
  }

  /** Waits until the page's heading is this one. */
  async heading(text: string): Promise<void> {
    await this.until(
      `the heading ${text}`,
      (wanted) => document.querySelector('h1')?.textContent?.trim() === wanted,
      text,
    )
  }

  /** Waits until the page has this text. */
  async sees(text: string, within = 'body'): Promise<void> {
    await this.until(
      `“${text}”`,
      (wanted, selector) =>
        [...document.querySelectorAll<HTMLElement>(String(selector))].some((element) =>
          // biome-ignore lint/performance/useDomNodeTextContent: what is not shown is not seen.
          element.innerText.replace(/\s+/g, ' ').includes(String(wanted)),
        ),
      text,
      within,
    )
  }

  /** What the page says, in one line. */
  text(within = 'body'): Promise<string> {
    // biome-ignore lint/performance/useDomNodeTextContent: what is not shown is not said.
    return this.page.$eval(within, (element) => (element as HTMLElement).innerText.replace(/\s+/g, ' '))
  }

  /** Waits until something holds in the page; fails with what the page says instead. */
  async until<Given extends unknown[]>(
    what: string,
    holds: (...given: Given) => unknown,
    ...given: Given
  ): Promise<void> {
    try {
      await this.page.waitForFunction(holds as never, { polling: 50 }, ...given)
    } catch (cause) {
      await this.#lacks(what, cause)
    }
  }

  async close(): Promise<void> {
    await this.page.browserContext().close()
  }

  async #lacks(what: string, cause: unknown): Promise<never> {
    const said = await this.text('dialog').catch(() => this.text())
    throw new Error(`The page never had ${what}. It says: ${said.slice(0, 1500)}`, { cause })
  }
}
