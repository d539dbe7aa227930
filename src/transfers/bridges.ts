interface BridgeWords {
  /** As messages call it. */
  readonly title: string;
  /** The variables that bound a file. */
  readonly limit: string;
  readonly notConfigured: { readonly message: string; readonly suggestion: string };
}

/**
 * The storage services that bytes can go through, in words. Each has its driver in `drivers.ts`, its
 * variables in the configuration and its hosts in the table of rights.
 */
export const BRIDGES = {
  imagekit: {
    title: "ImageKit",
    limit: "IMAGEKIT_MAX_FILE_SIZE and MAX_FILE_SIZE",
    notConfigured: {
      message: "ImageKit plugin disabled: credentials not configured",
      suggestion:
        "Set ENABLE_IMAGEKIT=true, IMAGEKIT_PUBLIC_KEY, IMAGEKIT_PRIVATE_KEY and IMAGEKIT_URL_ENDPOINT",
    },
  },
  r2: {
    title: "the R2 exchange",
    limit: "EXCHANGE_MAX_SIZE",
    notConfigured: {
      message: "Cloudflare R2 storage is not configured. Set environment variables: " +
        "R2_ACCOUNT_ID, R2_ACCESS_KEY, R2_SECRET_KEY, R2_BUCKET",
      suggestion:
        "Configure R2 credentials in the environment or the .env file and restart the server",
    },
  },
} as const satisfies Readonly<Record<string, BridgeWords>>;

/** Names one of them. */
export type BridgeName = keyof typeof BRIDGES;
