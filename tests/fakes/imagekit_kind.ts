/** What the service recognizes in a file's content. */
export interface FileKind {
  readonly mime: string;
  readonly fileType: "image" | "non-image";
  /** Re-encoded on delivery unless the URL says `orig-true`. */
  readonly optimized: boolean;
  /** Sent with gzip or br to clients that ask for it. */
  readonly compressible: boolean;
  readonly width?: number;
  readonly height?: number;
}

/**
 * Names a file's type as the service does: binaries by their first bytes, text by its extension,
 * everything else `application/octet-stream`. Sizes are read from PNG only, other images are 1 × 1.
 */
export function identifyKind(name: string, bytes: Uint8Array): FileKind {
  const image = IMAGES.find(({ magic, at = 0 }) => startsWith(bytes, magic, at));
  if (image !== undefined) return imageKind(image.mime, bytes);
  if (startsWith(bytes, "ftyp", 4)) return { ...RAW, mime: "video/mp4", optimized: true };
  if (startsWith(bytes, "%PDF")) return { ...RAW, mime: "application/pdf", compressible: true };
  const extension = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : "";
  const mime = TEXT.get(extension.toLowerCase());
  return mime === undefined ? RAW : { ...RAW, mime, compressible: true };
}

const RAW: FileKind = {
  mime: "application/octet-stream",
  fileType: "non-image",
  optimized: false,
  compressible: false,
};

const IMAGES: readonly { mime: string; magic: string; at?: number }[] = [
  { mime: "image/png", magic: "\x89PNG\r\n\x1a\n" },
  { mime: "image/jpeg", magic: "\xff\xd8\xff" },
  { mime: "image/gif", magic: "GIF8" },
  { mime: "image/webp", magic: "WEBP", at: 8 },
];

const TEXT = new Map([
  ["txt", "text/plain"],
  ["log", "text/plain"],
  ["md", "text/markdown"],
  ["csv", "text/csv"],
  ["css", "text/css"],
  ["html", "text/html"],
  ["js", "application/javascript"],
  ["json", "application/json"],
  ["xml", "application/xml"],
]);

function imageKind(mime: string, bytes: Uint8Array): FileKind {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sized = mime === "image/png" && bytes.length >= 24;
  return {
    mime,
    fileType: "image",
    optimized: true,
    compressible: false,
    width: sized ? view.getUint32(16) : 1,
    height: sized ? view.getUint32(20) : 1,
  };
}

const startsWith = (bytes: Uint8Array, magic: string, at = 0): boolean =>
  [...magic].every((char, index) => bytes[at + index] === char.charCodeAt(0));
