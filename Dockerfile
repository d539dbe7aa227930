# The executable for linux-x64 in an image. Built and tried only by .github/workflows/release.yml.
#
#   deno task release --only=linux-x64 && docker build -t mcp-remote-exec .
#   docker run --rm --interactive --read-only --cap-drop ALL -e I_ACCEPT_RISKS=true -e HOST=web1 \
#     -v ~/.ssh/id_ed25519:/keys/id:ro -e SSH_KEY=/keys/id -v ~/.ssh/known_hosts:/keys/known_hosts:ro \
#     -e SSH_KNOWN_HOSTS=/keys/known_hosts -v "$PWD:/work" --user "$(id -u):$(id -g)" mcp-remote-exec
#
# The executable needs glibc, so the base is not Alpine. It is not pinned by its digest, because none was verified.
FROM debian:bookworm-slim
ARG PROGRAM=dist/release/mcp-remote-exec-linux-x64
COPY --chmod=755 ${PROGRAM} /usr/local/bin/mcp-remote-exec
RUN mkdir /work && chown 65532:65532 /work
# Nobody's number, so that the image has no name to look up; --user sets another one.
USER 65532:65532
ENV WORKING_DIRECTORY=/work
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/mcp-remote-exec"]
