// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import type { AuthContext, AuthenticationType, Connection, KeyboardAuthContext } from "ssh2";

/** One question of a keyboard-interactive login and its correct answer. */
export interface KeyboardStep {
  readonly prompt: string;
  readonly answer: string;
  readonly echo?: boolean;
}

/**
 * A login of the fake host. Each given method is offered; one is enough, unless
 * `all` requires every one of them (two-factor login). Public keys are `authorized_keys` lines.
 */
export interface SshHostUser {
  readonly name: string;
  readonly password?: string;
  readonly publicKeys?: readonly string[];
  readonly keyboardInteractive?: readonly KeyboardStep[];
  readonly none?: boolean;
  readonly all?: boolean;
}

/**
 * Answers the login requests of one connection. An unknown name is refused like a wrong
 * password, with every method of the host listed.
 */
export function installAuthentication(connection: Connection, users: readonly SshHostUser[]): void {
  const passed = new Set<AuthenticationType>();
  connection.on("authentication", (context) => {
    const user = users.find((candidate) => candidate.name === context.username);
    if (user === undefined) return context.reject(users.flatMap(methodsOf));
    const settle = (isRight: boolean) => decide(context, user, passed, isRight);
    if (context.method === "keyboard-interactive") askQuestions(context, user, settle);
    else if (isKeyQuery(context) && isListedKey(context, user)) context.accept();
    else settle(isRight(context, user));
  });
}

function decide(
  context: AuthContext,
  user: SshHostUser,
  passed: Set<AuthenticationType>,
  isRight: boolean,
): void {
  if (!isRight) return context.reject(methodsOf(user).filter((method) => !passed.has(method)));
  passed.add(context.method);
  const missing = methodsOf(user).filter((method) => !passed.has(method));
  if (user.all === true && missing.length > 0) return context.reject(missing, true);
  context.accept();
}

function methodsOf(user: SshHostUser): AuthenticationType[] {
  const methods: AuthenticationType[] = [];
  if (user.publicKeys !== undefined) methods.push("publickey");
  if (user.password !== undefined) methods.push("password");
  if (user.keyboardInteractive !== undefined) methods.push("keyboard-interactive");
  return methods;
}

function isRight(context: AuthContext, user: SshHostUser): boolean {
  if (context.method === "none") return user.none === true;
  if (context.method === "password") return context.password === user.password;
  return context.method === "publickey" && isSignedByListedKey(context, user);
}

type KeyContext = Extract<AuthContext, { method: "publickey" }>;

/** A client first asks whether a key is acceptable; accepting it is not yet a login. */
const isKeyQuery = (context: AuthContext): context is KeyContext =>
  context.method === "publickey" && context.signature === undefined;

const isListedKey = (context: KeyContext, user: SshHostUser): boolean =>
  findKey(context, user) !== undefined;

function isSignedByListedKey(context: KeyContext, user: SshHostUser): boolean {
  const { blob, signature, hashAlgo } = context;
  if (blob === undefined || signature === undefined) return false;
  return findKey(context, user)?.verify(blob, signature, hashAlgo) === true;
}

function findKey(context: KeyContext, user: SshHostUser): ssh2.ParsedKey | undefined {
  for (const line of user.publicKeys ?? []) {
    const key = ssh2.utils.parseKey(line);
    if (!(key instanceof Error) && key.getPublicSSH().equals(context.key.data)) return key;
  }
}

function askQuestions(
  context: KeyboardAuthContext,
  user: SshHostUser,
  settle: (isRight: boolean) => void,
): void {
  const steps = user.keyboardInteractive;
  if (steps === undefined) return settle(false);
  const prompts = steps.map(({ prompt, echo }) => ({ prompt, echo: echo ?? false }));
  // An aborted request calls back with an Error instead of the answers.
  context.prompt(prompts, (answers: unknown) => {
    settle(Array.isArray(answers) && steps.every((step, at) => answers[at] === step.answer));
  });
}
