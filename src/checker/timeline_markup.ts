/** Text and tags of the timeline page. Whatever a history says is hostile here: it is shown, and never obeyed. @module */

/** A piece of finished markup. Only this file makes it from text. */
export type Markup = string & { readonly __brand: "markup" };

/** What an attribute may be; `undefined` leaves it out. */
export type AttributeValue = string | number | undefined;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/** What would reorder, hide or break the text around it: controls, direction marks, invisible and unpaired units. */
// deno-lint-ignore no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Text as a person can see it: what has no picture of its own is written as its code. */
export function visibleText(text: string): string {
  return text.toWellFormed().replace(UNSEEN, (unit) => {
    if (unit === "\n") return "⏎";
    if (unit === "\t") return "⇥";
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Text for a page. */
export function escapeText(text: string): Markup {
  return visibleText(text).replace(/[&<>"'`]/g, (unit) => ENTITIES[unit]!) as Markup;
}

/** The first so many characters, and a sign where there are more. */
export function cutText(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const characters = [...text.slice(0, 2 * lengthMax)];
  return characters.length <= lengthMax && text.length <= 2 * lengthMax
    ? text
    : `${characters.slice(0, Math.max(1, lengthMax - 1)).join("")}…`;
}

/** Markup that stands in this repository and holds nothing from outside. */
export function trustedMarkup(text: string): Markup {
  return text as Markup;
}

/** Pieces one after the other. */
export function joinMarkup(pieces: readonly Markup[], separator = ""): Markup {
  return pieces.join(separator) as Markup;
}

/** An element. Attribute values are escaped; children are finished markup, or text in `escapeText`. */
export function element(
  name: string,
  attributes: Readonly<Record<string, AttributeValue>>,
  ...children: readonly Markup[]
): Markup {
  const said = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [` ${key}="${typeof value === "number" ? numberText(value) : escapeText(value)}"`]
  );
  return `<${name}${said.join("")}>${children.join("")}</${name}>` as Markup;
}

/** A number with at most three digits behind the point, the same on every engine. */
export function numberText(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

/** Columns that a text takes in a fixed-width face: ideographs and pictures take two. */
export function columnCount(text: string): number {
  let count = 0;
  for (const character of text) count += character.codePointAt(0)! >= 0x1100 ? 2 : 1;
  return count;
}

/** The numbers of a path, rounded as attributes are. */
export function pathText(pieces: TemplateStringsArray, ...numbers: readonly number[]): string {
  return pieces.map((piece, index) => piece + (index < numbers.length ? numberText(numbers[index]!) : ""))
    .join("");
}
