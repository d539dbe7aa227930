import type { Source } from "../sources/source.ts";

const SHEET = "M14 2H6a1 1 0 0 0-1 1v18a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1V7zM14 2v5h5";

/** What is drawn on the sheet, by kind of file. */
const SIGNS: readonly (readonly [string, readonly string[]])[] = [
  [
    "M8 18l3-4 2 2 1-1 2 3zM10 11h.01",
    words("png jpg jpeg gif webp avif svg heic tif tiff bmp raw"),
  ],
  ["M10 11v6l5-3z", words("mp4 mkv mov webm avi m4v mpg mpeg")],
  [
    "M10 17v-6l5-1v6M10 17a1 1 0 1 1-2 0 1 1 0 0 1 2 0zM15 16a1 1 0 1 1-2 0 1 1 0 0 1 2 0z",
    words("mp3 flac wav ogg opus m4a aac"),
  ],
  [
    "M11 3v2m2 0v2m-2 0v2m2 0v2m-2 2h2v4h-2z",
    words("zip gz tgz xz zst bz2 7z rar tar deb rpm iso img"),
  ],
  ["M8 11h8v7H8zM8 14.5h8M12 11v7", words("csv tsv xls xlsx ods parquet sql db sqlite")],
  [
    "M10 11l-3 3 3 3M14 11l3 3-3 3",
    words("js ts py sh go rs c h cpp java rb php html css json yaml yml toml xml conf"),
  ],
  ["M9 12h6M9 15h6M9 18h4", words("txt md log pdf doc docx odt rtf epub tex")],
];

const FOLDER = "M3 6a1 1 0 0 1 1-1h5l2 2h9a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z";

function words(text: string): string[] {
  return text.split(" ");
}

/** Returns the outline of an icon for a file, in a square of 24 units. */
export function iconOf({ kind, downloadName }: Pick<Source, "kind" | "downloadName">): string {
  if (kind === "directory") return FOLDER;
  const extension = /\.([a-z0-9]+)$/i.exec(downloadName)?.[1]?.toLowerCase() ?? "";
  const sign = SIGNS.find(([, extensions]) => extensions.includes(extension))?.[0] ?? "";
  return SHEET + sign;
}
