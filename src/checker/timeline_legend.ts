/** The legend below a picture of the timeline page, and the textures that pictures and legend share. @module */
import { type Markup, trustedMarkup } from "./timeline_markup.ts";

/** What the marks of a picture mean. */
export function legend(): Markup {
  const sample = (name: string, drawing: string, text: string): string =>
    `<li><svg width="46" height="18" class="${name}" aria-hidden="true">${drawing}</svg>${text}</li>`;
  const bar = '<rect class="bar" x="2" y="2" width="40" height="14" rx="3"/>';
  return trustedMarkup(`<ul class="legend" aria-label="Legend">${
    [
      sample("op put", bar, "put"),
      sample("op get", bar, "get"),
      sample("op delete", bar, "delete"),
      sample("op compare_and_set", bar, "compare and set (cas)"),
      sample("op fail", bar, "failed: certainly nothing happened (✗)"),
      sample(
        "op put",
        '<rect class="bar" x="2" y="2" width="14" height="14" rx="3"/><rect class="maybe" x="16" y="2" width="26" ' +
          'height="14"/><path class="open" d="M16 2H42M16 16H42"/><path class="arrow" d="M37 5l5 4l-5 4"/>',
        "unknown: may happen at any later time, or never (?)",
      ),
      sample(
        "op put guilty",
        `${bar}<g class="number"><circle cx="9" cy="9" r="8"/></g>`,
        "guilty, with its number",
      ),
      sample("op put", '<circle class="dot" cx="22" cy="9" r="4"/>', "replica acknowledged"),
      sample("op get", '<circle class="dot" cx="22" cy="9" r="4"/>', "replica answered a get"),
      sample("span down", '<rect x="2" y="2" width="40" height="14" rx="3"/>', "replica down"),
      sample("span paused", '<rect x="2" y="2" width="40" height="14" rx="3"/>', "paused"),
      sample("span cut", '<rect x="2" y="2" width="40" height="14" rx="3"/>', "cut off"),
      sample(
        "span other",
        '<rect x="2" y="2" width="40" height="14" rx="3"/>',
        "another fault: its words stand in it",
      ),
      sample("gap", '<rect x="17" y="0" width="10" height="18"/>', "nothing happens for long: shortened"),
    ].join("")
  }<li>#1, #2: versions of a key, the smallest first; the greatest wins</li></ul>`);
}

/** Textures, so that nothing is told by colour alone. They stand once on a page. */
export function patterns(): Markup {
  return trustedMarkup(`<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>${
    [
      '<pattern id="failed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V6" ' +
      'style="stroke:var(--fail)" stroke-width="2"/></pattern>',
      '<pattern id="down" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><path d="M0 0V5" ' +
      'style="stroke:var(--down)" stroke-width="4"/></pattern>',
      '<pattern id="cut" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V8" ' +
      'style="stroke:var(--cut)" stroke-width="2"/></pattern>',
      '<pattern id="broken" width="10" height="6" patternUnits="userSpaceOnUse"><path d="M2 0l3 3l-3 3M6 0l3 3l-3 3" fill="none" ' +
      'style="stroke:var(--line)"/></pattern>',
    ].join("")
  }</defs></svg>`);
}
