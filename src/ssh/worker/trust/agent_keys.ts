// @ts-types="@types/ssh2"
import type { IdentityCallback, KnownPublicKeys, ParsedKey } from "ssh2";
import { errorText } from "../../../errors.ts";
import { OpenSSHAgent } from "../ssh2.ts";

type Known = KnownPublicKeys<ParsedKey>[number];

/**
 * The keys of an SSH agent in the order in which ssh tries them: the wanted ones first, or alone. An agent that
 * does not answer has no keys, so that the next method is tried.
 */
export class ChosenKeysAgent extends OpenSSHAgent {
  readonly #wanted: readonly string[];
  readonly #onlyThese: boolean;
  readonly #onFailure: (reason: string) => void;

  /** @param wanted public keys in wire form, in base64 */
  constructor(
    socket: string,
    wanted: readonly string[],
    onlyThese: boolean,
    onFailure: (reason: string) => void,
  ) {
    super(socket);
    this.#wanted = wanted;
    this.#onlyThese = onlyThese;
    this.#onFailure = onFailure;
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    super.getIdentities((error, keys) => {
      if (error) this.#onFailure(`agent: ${errorText(error)}`);
      done(null, error ? [] : this.#chosen(keys ?? []));
    });
  }

  #chosen(keys: KnownPublicKeys<ParsedKey>): KnownPublicKeys<ParsedKey> {
    const place = (key: Known) =>
      "getPublicSSH" in key ? this.#wanted.indexOf(key.getPublicSSH().toString("base64")) : -1;
    const first = keys.filter((key) => place(key) >= 0)
      .sort((one, other) => place(one) - place(other));
    return this.#onlyThese ? first : [...first, ...keys.filter((key) => place(key) < 0)];
  }
}
