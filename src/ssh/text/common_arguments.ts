import { z } from "zod";

/** The container of a path. The argument exists only with Proxmox. */
export const ctidOf = (args: object): number | undefined =>
  "ctid" in args && typeof args.ctid === "number" ? args.ctid : undefined;

/** The hash of the content that the caller has seen. */
export const sha256Argument = z.string().regex(/^[0-9a-fA-F]{64}$/, {
  error: "expect_sha256 must be 64 hexadecimal digits",
}).optional().describe("Fail if the current content has another hash");
