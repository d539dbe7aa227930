// The SDK names its types so that they are not found beside a path that ends in ".js".
// @ts-types="@modelcontextprotocol/sdk/shared/protocol"
import { Protocol } from "@modelcontextprotocol/sdk/shared/protocol.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  type Implementation,
  InitializedNotificationSchema,
  InitializeRequestSchema,
  type InitializeResult,
  LATEST_PROTOCOL_VERSION,
  type ServerCapabilities,
  type ServerNotification,
  type ServerRequest,
  type ServerResult,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";

/** What a client is told when it connects. */
export interface Introduction {
  readonly serverInfo: Implementation;
  readonly capabilities: ServerCapabilities;
  readonly instructions: string;
}

/**
 * The server's side of the protocol for a server that only answers: the handshake, then what is set
 * by `setRequestHandler` and `fallbackRequestHandler`.
 *
 * The SDK's own `Server` also checks what clients answer to questions of the server, which this one
 * never asks; for that it loads a JSON schema validator, about 15 ms of the start and 3 MB.
 * Source: MCP 2025-11-25, Lifecycle, "Version Negotiation".
 */
export class ServerProtocol extends Protocol<ServerRequest, ServerNotification, ServerResult> {
  constructor(introduction: Introduction) {
    super();
    this.setRequestHandler(InitializeRequestSchema, ({ params }): InitializeResult => {
      const { protocolVersion: asked } = params;
      const isSupported = SUPPORTED_PROTOCOL_VERSIONS.includes(asked);
      return { ...introduction, protocolVersion: isSupported ? asked : LATEST_PROTOCOL_VERSION };
    });
    this.setNotificationHandler(InitializedNotificationSchema, () => {});
  }

  // What this server sends and answers is fixed, so there is nothing to check at run time.
  protected override assertCapabilityForMethod(): void {}
  protected override assertNotificationCapability(): void {}
  protected override assertRequestHandlerCapability(): void {}
  protected override assertTaskCapability(): void {}
  protected override assertTaskHandlerCapability(): void {}
}
