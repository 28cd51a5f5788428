/** Tests of `src/storage/sealed_file.ts` with content that nobody of ours wrote. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeText } from "../../src/base/bytes.ts";
import { crc32 } from "../../src/base/crc32.ts";
import { seal, unseal } from "../../src/storage/sealed_file.ts";

/** A file whose checksum is right, whatever its content. */
function sealed(json: string): Uint8Array {
  const checksum = crc32(encodeText(json)).toString(16).padStart(8, "0");
  return encodeText(`quartet manifest 1 ${checksum}\n${json}\n`);
}

Deno.test("A sealed file comes back as it was", () => {
  const content = { segment: 7, name: "é" };
  assertEquals(unseal("MANIFEST", "manifest", encodeText(seal("manifest", content))), {
    ok: true,
    value: content,
  });
});

Deno.test("Whatever stands behind a right checksum is damage where it is no object, and never an exception", () => {
  const deep = "[".repeat(50_000);
  for (const json of ["", "null", "7", '"text"', "{", deep, `${deep}${"]".repeat(10)}`, "nonsense"]) {
    const result = unseal("MANIFEST", "manifest", sealed(json));
    assert(!result.ok, json.slice(0, 20));
    assertStringIncludes(result.failure.expected, "JSON");
  }
});

Deno.test("A sealed file that goes on for megabytes is damage", () => {
  const bytes = new Uint8Array(10 * 1024 * 1024).fill(0x78);
  const result = unseal("MANIFEST", "manifest", bytes);
  assert(!result.ok);
});
