import fc from "./property.ts";

/**
 * Any character of Unicode, control characters and unassigned ones included: the unit of `fc.string()` that it
 * calls "binary". Making that one takes more than a second of computing in each test file.
 */
export const anyCharacter: fc.Arbitrary<string> = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0xffff }),
  fc.integer({ min: 0x1_0000, max: 0x10_ffff }),
).map((point) => String.fromCodePoint(point));
