/** How a keyword's value is read. */
export type Kind =
  | "text"
  | "texts"
  | "each"
  | "flag"
  | "strict"
  | "family"
  | "canonical"
  | "time"
  | "port"
  | "number"
  | "command"
  | "jump"
  | "names";

/** The keywords that mean something to this server, by their names in `ssh -G`. */
export const KEYWORDS = {
  hostname: "text",
  user: "text",
  port: "port",
  identityfile: "each",
  certificatefile: "each",
  identitiesonly: "flag",
  identityagent: "text",
  userknownhostsfile: "texts",
  globalknownhostsfile: "texts",
  hostkeyalias: "text",
  hostkeyalgorithms: "names",
  kexalgorithms: "names",
  ciphers: "names",
  macs: "names",
  proxyjump: "jump",
  proxycommand: "command",
  connecttimeout: "time",
  serveraliveinterval: "time",
  serveralivecountmax: "number",
  addressfamily: "family",
  stricthostkeychecking: "strict",
  localcommand: "command",
  permitlocalcommand: "flag",
  knownhostscommand: "command",
  canonicalizehostname: "canonical",
  pkcs11provider: "text",
  revokedhostkeys: "text",
  refuseconnection: "text",
  ignoreunknown: "text",
} as const satisfies Readonly<Record<string, Kind>>;

export type Keyword = keyof typeof KEYWORDS;

/** Older names of keywords. */
const ALIASES: Readonly<Record<string, Keyword>> = {
  identityfile2: "identityfile",
  smartcarddevice: "pkcs11provider",
};

/** Returns the keyword of a name in lower case, if it means something to this server. */
export function keywordOf(name: string): Keyword | undefined {
  if (Object.hasOwn(ALIASES, name)) return ALIASES[name];
  // Object.hasOwn() does not narrow the type.
  return Object.hasOwn(KEYWORDS, name) ? name as Keyword : undefined;
}

/** Reports whether a name in lower case is a keyword of OpenSSH (9.2, 10, or Apple's) without a meaning here. */
export const isUnused = (name: string): boolean => UNUSED.has(name);

const UNUSED: ReadonlySet<string> = new Set(
  `protocol cipher fallbacktorsh globalknownhostsfile2 rhostsauthentication userknownhostsfile2 useroaming usersh
  useprivilegedport afstokenpassing kerberosauthentication kerberostgtpassing rsaauthentication
  rhostsrsaauthentication compressionlevel gssapiauthentication gssapidelegatecredentials gssapikeyexchange
  gssapitrustdns gssapiclientidentity gssapiserveridentity gssapirenewalforcesrekey gssapikexalgorithms
  forwardagent forwardx11 forwardx11trusted forwardx11timeout exitonforwardfailure xauthlocation gatewayports
  passwordauthentication kbdinteractiveauthentication kbdinteractivedevices challengeresponseauthentication
  skeyauthentication tisauthentication pubkeyauthentication dsaauthentication hostbasedauthentication
  addkeystoagent remoteforward localforward permitremoteopen escapechar connectionattempts batchmode checkhostip
  compression tcpkeepalive keepalive numberofpasswordprompts syslogfacility loglevel logverbose dynamicforward
  preferredauthentications casignaturealgorithms bindaddress bindinterface clearallforwardings enablesshkeysign
  verifyhostkeydns nohostauthenticationforlocalhost rekeylimit sendenv setenv controlpath controlmaster
  controlpersist hashknownhosts tunnel tunneldevice remotecommand visualhostkey ipqos requesttty sessiontype
  stdinnull forkafterauthentication proxyusefdpass canonicaldomains canonicalizefallbacklocal
  canonicalizemaxdots canonicalizepermittedcnames streamlocalbindmask streamlocalbindunlink fingerprinthash
  updatehostkeys hostbasedacceptedalgorithms hostbasedkeytypes pubkeyacceptedalgorithms pubkeyacceptedkeytypes
  securitykeyprovider requiredrsasize enableescapecommandline tag channeltimeout obscurekeystroketiming
  versionaddendum warnweakcrypto usekeychain`.split(/\s+/),
);
