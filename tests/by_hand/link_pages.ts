/**
 * Takes pictures of the pages of links, to be looked at: light, dark, phone, forced colors, after the click, and
 * without a link. Run by hand: `deno task pictures`, which writes them to dist/pictures.
 */
import type { BrowserContextOptions, Page } from "playwright-core";
import { TestHub } from "../downloads/fixture.ts";
import { startChromium } from "../peers/chromium.ts";
import { projectFile } from "../support/project.ts";

const wide = { viewport: { width: 1000, height: 900 } };
const press = async (page: Page) => {
  await Promise.all([page.waitForEvent("download"), page.getByRole("button").click()]);
  await page.locator(".started").waitFor({ state: "visible" });
};

interface Picture {
  readonly file: string;
  readonly context: BrowserContextOptions;
  readonly before?: (page: Page) => Promise<void>;
}

const PICTURES: Readonly<Record<string, Picture>> = {
  light: { file: "Report", context: wide },
  dark: { file: "photo.png", context: { ...wide, colorScheme: "dark", locale: "de-DE" } },
  phone: { file: "Report", context: { viewport: { width: 390, height: 844 }, locale: "es-ES" } },
  forced: { file: "photo.png", context: { ...wide, forcedColors: "active", locale: "fr-FR" } },
  started: { file: "photo.png", context: wide, before: press },
  dead: { file: "", context: wide },
};

const directory = projectFile("dist/pictures");
Deno.mkdirSync(directory, { recursive: true });
await using test = new TestHub({ downloads: { sender: "Ada Lovelace" } });
for (let number = 0; number < 30; number++) {
  test.write(`Report/page-${number}.txt`, "x".repeat(999));
}
test.write("photo.png", "x".repeat(3_400_000));
const browser = await startChromium();
for (const [name, { file, context, before }] of Object.entries(PICTURES)) {
  const page = await (await browser.newContext(context)).newPage();
  const { url } = await test.link(file === "" ? "photo.png" : file);
  await page.goto(file === "" ? `${url}x` : url);
  await before?.(page);
  await page.screenshot({ path: `${directory}/${name}.png`, fullPage: true });
}
await browser.close();
