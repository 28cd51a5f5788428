/**
 * `/docs`: a page that shows `/openapi.json` and tries it out. It needs nothing from elsewhere: no network, no package. All
 * that it shows of answers and of the description goes into the page as text, never as markup.
 * @module
 */
import { createHash } from "node:crypto";
import type { Answer } from "./exchange.ts";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; }
details { border: 1px solid #8886; border-radius: 6px; margin: .5rem 0; }
summary { padding: .5rem .75rem; cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; }
summary code { font-weight: 600; }
summary span { opacity: .75; margin-left: .75rem; }
form { padding: 0 .75rem .75rem; display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .35rem .75rem; align-items: center; }
form p, form pre, form button { grid-column: 1 / -1; margin: .25rem 0; }
form button { justify-self: start; padding: .3rem 1rem; font: inherit; }
label { align-self: center; }
label small { display: block; opacity: .7; }
input, textarea, select { font: inherit; padding: .25rem .4rem; min-width: 0; box-sizing: border-box; width: 100%; }
textarea { font-family: ui-monospace, monospace; min-height: 4rem; }
pre { padding: .6rem; background: #8882; border-radius: 6px; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.get b { color: #2a7ae2; } .put b { color: #b8740f; } .delete b { color: #d33; }
`;

const SCRIPT = `
"use strict";
const make = (name, fields = {}, ...children) => {
  const element = Object.assign(document.createElement(name), fields);
  element.append(...children);
  return element;
};
let secret = "";
const sampleOf = (schema, all) => {
  if (schema.$ref) schema = all[schema.$ref.split("/").pop()];
  const required = schema.required ?? Object.keys(schema.properties ?? {});
  return Object.fromEntries(required.map((name) => [name, ""]));
};
const fieldFor = (parameter) => {
  const choices = parameter.schema?.enum;
  const input = choices
    ? make("select", {}, make("option", { value: "", textContent: "" }), ...choices.map((text) => make("option", { value: text, textContent: text })))
    : make("input", { autocomplete: "off", required: parameter.required === true });
  input.name = parameter.in + ":" + parameter.name;
  input.id = crypto.randomUUID?.() ?? String(Math.random());
  const label = make("label", { htmlFor: input.id }, parameter.name, make("small", { textContent: (parameter.in + (parameter.description ? ": " + parameter.description : "")) }));
  return [label, input];
};
const operationOf = (path, method, operation, all) => {
  const out = make("pre", { hidden: true });
  out.setAttribute("aria-live", "polite");
  const form = make("form");
  if (operation.description) form.append(make("p", { textContent: operation.description }));
  const parameters = operation.parameters ?? [];
  for (const parameter of parameters) form.append(...fieldFor(parameter));
  const content = operation.requestBody?.content;
  // A browser sends no body with GET.
  const hasBody = content !== undefined && method !== "get";
  if (hasBody) {
    const types = Object.keys(content);
    const type = make("select", { name: "type", ariaLabel: "type of the body" }, ...types.map((text) => make("option", { value: text, textContent: text })));
    const body = make("textarea", { name: "body", ariaLabel: "body", spellcheck: false });
    body.value = JSON.stringify(sampleOf(content[types[0]].schema, all), undefined, 1);
    form.append(make("label", {}, "body"), type, make("span"), body);
  }
  const codes = Object.entries(operation.responses).map(([status, { description }]) => status + " " + description).join("\\n");
  form.append(make("button", { textContent: "Send" }), out, make("pre", { textContent: codes }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const headers = new Headers();
    const query = new URLSearchParams();
    let target = path;
    for (const { name, in: place } of parameters) {
      const value = String(data.get(place + ":" + name) ?? "");
      if (place === "path") target = target.replace("{" + name + "}", encodeURIComponent(value));
      else if (value !== "" && place === "query") query.set(name, value);
      else if (value !== "" && place === "header") headers.set(name, value);
    }
    if (secret !== "") headers.set("Authorization", "Bearer " + secret);
    const init = { method: method.toUpperCase(), headers };
    if (hasBody) {
      headers.set("Content-Type", String(data.get("type")));
      init.body = String(data.get("body"));
    }
    if (String(query) !== "") target += "?" + query;
    out.hidden = false;
    try {
      const answer = await fetch(target, init);
      const body = await answer.text();
      let shown = body;
      try { shown = JSON.stringify(JSON.parse(body), undefined, 2); } catch { /* No JSON: shown as it is. */ }
      out.textContent = init.method + " " + target + "\\n" + answer.status + " " + answer.statusText + "\\n\\n" + shown;
    } catch (error) {
      out.textContent = "no answer: " + error.message;
    }
  });
  return make("details", { className: method }, make("summary", {}, make("b", { textContent: method.toUpperCase() }), make("code", { textContent: path }), make("span", { textContent: operation.summary })), form);
};
fetch("/openapi.json").then((answer) => answer.json()).then((api) => {
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("about").textContent = api.info.description;
  const main = document.getElementById("operations");
  if (api.security) {
    const input = make("input", { type: "password", autocomplete: "off", ariaLabel: "secret" });
    input.addEventListener("input", () => secret = input.value);
    main.append(make("p", {}, "This cluster has a secret. It is sent with what you try here, and kept nowhere:", input));
  }
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) main.append(operationOf(path, method, operation, api.components.schemas));
  }
}).catch((error) => {
  document.getElementById("about").textContent = "The description could not be read: " + error.message;
});
`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>quartet: the HTTP API</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<h1>quartet <small id="version"></small></h1>
<p id="about"></p>
<p>The same for programs: <a href="/openapi.json">openapi.json</a></p>
<main id="operations"></main>
<script>${SCRIPT}</script>
</body>
</html>
`;

function sourceOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** Nothing but these two pieces runs or is applied, and nothing but this replica is asked. */
const POLICY = `default-src 'none'; script-src ${sourceOf(SCRIPT)}; style-src ${sourceOf(STYLE)}; ` +
  "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The page. */
export const DOCS_ANSWER: Answer = {
  status: 200,
  type: "text/html; charset=utf-8",
  body: PAGE,
  headers: { "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer" },
};
