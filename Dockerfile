# Millrace as a service: `docker build -t millrace .`, then see docker-compose.yml.
# The root file system can be read-only: all that is written goes to /tmp (a tmpfs will do), all that lasts is in Redis.

FROM node:26-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Without install scripts: isolated-vm ships prebuilt binaries. The image has its own Node, so ours is left out of it.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
COPY connectors connectors
RUN node scripts/build.mjs && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/node-linux-*

FROM node:26-bookworm-slim
WORKDIR /opt/millrace
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE ./
COPY bin bin
RUN ln -s /opt/millrace/bin/millrace /usr/local/bin/millrace
# Configuration and functions are mounted here.
WORKDIR /etc/millrace
USER node
# Bundles of functions are made anew from their code in each container.
ENV NODE_ENV=production MILLRACE_CACHE=/tmp/millrace-cache
EXPOSE 9464
# ready: every poller and executor it was asked for is at work (contract.md).
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# Run it with an init (`docker run --init`, compose: `init: true`): it reaps what a killed sandbox leaves behind.
ENTRYPOINT ["millrace"]
CMD ["start", "--http", "0.0.0.0:9464"]
