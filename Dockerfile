# Hubbub in a small image: the binary, the C library and the certificates of public authorities; no shell, not root.
#
#   docker build -t hubbub .
#   docker run -p 8080:8080 -p 7882:7882/udp -p 7882:7882 -v hubbub:/data -e HUBBUB__MEDIA__ANNOUNCED_ADDRESSES=127.0.0.1 hubbub
#
# docker-compose.yml and docs/DEPLOYMENT.md say more. The builder and the final image are of the same Debian, so that the
# binary finds the C library it was linked with; scripts/check_deployment.py looks after that.

ARG RUST=1.95-bookworm
ARG NODE=22-bookworm-slim
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

# --- The web client -------------------------------------------------------------------------------------------------------
FROM node:${NODE} AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run build

# --- The server, with the web client inside -------------------------------------------------------------------------------
FROM rust:${RUST} AS server
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY config/default.toml config/default.toml
COPY crates/ crates/
COPY --from=web /src/web/dist/ web/dist/
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --profile release --locked --package hubbub-server \
    && install -D -m 755 target/release/hubbub /out/usr/local/bin/hubbub \
    && install -d -m 700 /out/data

# --- Both for development: `docker compose -f docker-compose.yml -f docker-compose.dev.yml up` ----------------------------
FROM rust:${RUST} AS dev
COPY --from=web /usr/local/ /usr/local/
WORKDIR /src
ENV HUBBUB_DEV_HOST=0.0.0.0
CMD ["make", "dev"]

# --- What is shipped ------------------------------------------------------------------------------------------------------
FROM ${BASE} AS hubbub
COPY --from=server --chown=65532:65532 /out/data /data
COPY --from=server /out/usr/local/bin/hubbub /usr/local/bin/hubbub
ENV HUBBUB__DATA__DIR=/data \
    HUBBUB__HTTP__BIND=0.0.0.0:8080
USER 65532:65532
VOLUME /data
# Pages and WebSockets; audio by UDP and TCP, a port for each of media.workers; metrics.
EXPOSE 8080/tcp 7882/udp 7882/tcp 9464/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/hubbub", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/hubbub"]
