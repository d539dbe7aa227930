const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
  ["amp", "&"],
]);

const LAST_CODE_POINT = 0x10ffff;

/** Returns the raw content of every element with this name. S3 does not nest elements of one name. */
export function xmlElements(xml: string, tag: string): string[] {
  const opening = new RegExp(`<${tag}(?:\\s[^<>]*)?>`, "g");
  const closing = `</${tag}>`;
  const found: string[] = [];
  while (opening.exec(xml) !== null) {
    const start = opening.lastIndex;
    const end = xml.indexOf(closing, start);
    // One pattern for both tags would search for the end again from each start tag.
    if (end < 0) break;
    found.push(xml.slice(start, end));
    opening.lastIndex = end + closing.length;
  }
  return found;
}

/** Returns the text of the first element with this name, with entities replaced. */
export function xmlValue(xml: string, tag: string): string | undefined {
  const [inner] = xmlElements(xml, tag);
  return inner === undefined ? undefined : unescapeXml(inner);
}

/** Replaces the five named entities and the numeric ones. */
export function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES.get(name) ?? whole;
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return point <= LAST_CODE_POINT ? String.fromCodePoint(point) : whole;
  });
}
