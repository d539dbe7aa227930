import { applyEdits, type FormattingOptions, modify, type Node } from "jsonc-parser";

/** Returns the indentation and the line ends of a JSON text. */
export function layoutOf(
  text: string,
): Required<Pick<FormattingOptions, "tabSize" | "insertSpaces" | "eol">> {
  const indentation = /^([ \t]+)\S/m.exec(text)?.[1] ?? "  ";
  const isTab = indentation.startsWith("\t");
  return {
    tabSize: isTab ? 1 : Math.min(indentation.length, 8),
    insertSpaces: !isTab,
    eol: /\r\n/.test(text) ? "\r\n" : "\n",
  };
}

/**
 * Adds a member at the end of an object of a JSON text. A comment behind the last member stays beside it.
 *
 * Own code for objects of several lines, because `modify()` of jsonc-parser puts the new member before that comment.
 */
export function insertMember(text: string, object: Node, key: string, value: unknown): string {
  const last = object.children?.at(-1);
  const lineStart = last === undefined ? -1 : text.lastIndexOf("\n", last.offset) + 1;
  const indentation = last === undefined ? "" : text.slice(lineStart, last.offset);
  const formattingOptions = layoutOf(text);
  if (last === undefined || lineStart === 0 || indentation.trim() !== "") {
    return insertFormatted(text, object, key, value, formattingOptions);
  }
  const { eol, tabSize, insertSpaces } = formattingOptions;
  const end = last.offset + last.length;
  const rest = /^[ \t]*(,?)[ \t]*(?:\/\/[^\r\n]*|\/\*(?:(?!\*\/)[^\r\n])*\*\/)?/.exec(
    text.slice(end),
  );
  const [tail = "", comma = ""] = rest ?? [];
  const json = JSON.stringify(value, null, insertSpaces ? tabSize : "\t")
    .replaceAll("\n", `${eol}${indentation}`);
  const member = `${eol}${indentation}${JSON.stringify(key)}: ${json}${comma}`;
  const at = end + tail.length;
  return `${text.slice(0, end)}${comma === "" ? "," : ""}${text.slice(end, at)}${member}${
    text.slice(at)
  }`;
}

function insertFormatted(
  text: string,
  object: Node,
  key: string,
  value: unknown,
  formattingOptions: FormattingOptions,
): string {
  const path = pathOf(object);
  return applyEdits(text, modify(text, [...path, key], value, { formattingOptions }));
}

/** The names of the members that lead to a node. */
function pathOf({ parent }: Node): string[] {
  if (parent === undefined) return [];
  const name: unknown = parent.children?.[0]?.value;
  return [...parent.parent === undefined ? [] : pathOf(parent.parent), String(name)];
}
