const HEADER = "x-amz-meta-";
/** What passes every service, shell and signature unchanged. */
const PLAIN = /^[A-Za-z0-9._~:+@/-]*$/;

/**
 * Metadata as request headers. Values travel percent-encoded unless they are plain: header values
 * are ASCII, R2 decodes RFC 2047 in them, and signing folds blanks.
 */
export function metadataHeaders(
  metadata: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [`${HEADER}${name}`, encodeValue(value)]),
  );
}

/**
 * The metadata of an answer. Swift gives `-` for `_` in names of objects that were put in parts, so
 * names are read with `_` throughout.
 */
export function readMetadata(headers: Headers): Record<string, string> {
  const ours = [...headers].filter(([name]) => name.startsWith(HEADER));
  return Object.fromEntries(
    ours.map(([name, value]) => [
      name.slice(HEADER.length).replaceAll("-", "_"),
      decodeValue(value),
    ]),
  );
}

/** Percent-encodes a path segment or value so that nothing in it needs quoting anywhere. */
export const encodeStrictly = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const encodeValue = (value: string): string => PLAIN.test(value) ? value : encodeStrictly(value);

/** A value by another program may hold a percent sign that encodes nothing. */
function decodeValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
