import * as z from "zod";
import { guestId, pathArgument } from "../../mcp/arguments.ts";

/** The container of a path. The argument exists only with Proxmox. */
export const ctidOf = (args: object): number | undefined =>
  "ctid" in args && typeof args.ctid === "number" ? args.ctid : undefined;

/** The hash of the content that the caller has seen. */
export const sha256Argument = z.string().regex(/^[0-9a-fA-F]{64}$/, {
  error: "expect_sha256 must be 64 hexadecimal digits",
}).optional();

/** A file or directory on the host; with `ctid`, in that container. */
export const placeArgument = pathArgument;

/** The container of the path. Its name says it, in all tools that have it. */
export const placeCtidArgument = guestId.optional();

/** A yes or no that is no by default; a listed default costs tokens. */
export const flag = z.boolean().optional();

/** Text that every encoding of Unicode can hold. */
export const wellFormed = z.string().refine((text) => text.isWellFormed(), {
  error: "contains half of a surrogate pair, which is no character",
});
