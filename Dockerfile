# The bridge alone. A chat bot spawns it with `docker run --interactive --rm`, or copies /agentcore-bridge into its own image.
FROM node:24-slim AS build
WORKDIR /agentcore-bridge
COPY . .
# Installs and builds; then installs again, without what only development and the local AgentCore need.
RUN npm ci && npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-slim
WORKDIR /agentcore-bridge
COPY --from=build /agentcore-bridge/LICENSE /agentcore-bridge/package.json ./
COPY --from=build /agentcore-bridge/node_modules node_modules
COPY --from=build /agentcore-bridge/dist dist
COPY --from=build /agentcore-bridge/bin bin
USER node
ENTRYPOINT ["node", "/agentcore-bridge/bin/agentcore-bridge.js"]
