/**
 * Tests of `/docs` in a real browser: that it works without a network, and tries the API out. Apart from all other tests,
 * because of what they need: `deno task browser`, with chromium installed (or where `CHROMIUM` says).
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { chromium, type Page } from "playwright-core";
import { LocalCluster } from "../harness/processes.ts";

const KEYSPACES = { main: { keys: "byte" }, items: { keys: "text" } };

/** The form of one operation, unfolded. */
async function open(page: Page, method: string, path: string): Promise<ReturnType<Page["locator"]>> {
  const details = page.locator(`details.${method}`, {
    has: page.locator("summary code", { hasText: new RegExp(`^${path.replaceAll(/[{}/]/g, "\\$&")}$`) }),
  });
  await details.locator("summary").click();
  return details;
}

Deno.test("The page of the API shows every operation, tries them out, and asks nobody else", async () => {
  await using cluster = await LocalCluster.start({ replicas: 1, keyspaces: KEYSPACES, http: true });
  const { host, httpPort } = cluster.places[0]!;
  const browser = await chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  try {
    const page = await browser.newPage();
    const asked: string[] = [];
    const troubles: string[] = [];
    page.on("request", (request) => void asked.push(request.url()));
    page.on("console", (message) => {
      if (message.type() === "error") troubles.push(message.text());
    });
    page.on("pageerror", (error) => void troubles.push(error.message));
    const base = `http://${host}:${httpPort}`;
    await page.goto(`${base}/docs`);
    await page.locator("details").first().waitFor();
    const api = await (await fetch(`${base}/openapi.json`)).json();
    const operations = Object.values<Record<string, unknown>>(api.paths).flatMap((methods) => Object.keys(methods));
    assertEquals(await page.locator("details").count(), operations.length);

    const put = await open(page, "put", "/items/{key}");
    await put.locator('[name="path:key"]').fill("a/b <i>");
    await put.locator("textarea").fill('{"value": {"x": "<b>not markup</b>"}}');
    await put.locator("button").click();
    await put.locator("pre", { hasText: "200 OK" }).waitFor();

    const get = await open(page, "get", "/items/{key}");
    await get.locator('[name="path:key"]').fill("a/b <i>");
    await get.locator('[name="query:level"]').selectOption("ONE");
    await get.locator("button").click();
    const shown = await get.locator("pre", { hasText: "200 OK" }).textContent();
    assertMatch(shown ?? "", /^GET \/items\/a%2Fb%20%3Ci%3E\?level=ONE\n200 OK\n/);
    assertMatch(shown ?? "", /"x": "<b>not markup<\/b>"/);
    assertEquals(await page.locator("pre b, pre i").count(), 0);

    const folder = Deno.env.get("SCREENSHOTS");
    if (folder !== undefined) await page.screenshot({ path: `${folder}/docs.png`, fullPage: true });
    assertEquals(troubles, []);
    assert(asked.every((url) => url.startsWith(base) || url.startsWith("data:")), asked.join("\n"));
  } finally {
    await browser.close();
  }
});

Deno.test("With a secret the page asks for it, and sends it with what is tried", async () => {
  const secret = "9f8e7d6c correct horse battery";
  await using cluster = await LocalCluster.start({ replicas: 1, keyspaces: KEYSPACES, http: true, top: { secret } });
  const { host, httpPort } = cluster.places[0]!;
  const browser = await chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`http://${host}:${httpPort}/docs`);
    const status = await open(page, "get", "/v1/status");
    await status.locator("button").click();
    await status.locator("pre", { hasText: "401 Unauthorized" }).waitFor();
    await page.locator("input[type=password]").fill(secret);
    await status.locator("button").click();
    await status.locator("pre", { hasText: '"ready": true' }).waitFor();
  } finally {
    await browser.close();
  }
});
