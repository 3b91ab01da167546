# An agent of one small process, of which there can be a hundred.
while IFS= read -r line; do
  [[ $line =~ \"id\":([0-9]+) ]] || continue
  printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":1,"agentCapabilities":{},"sessionId":"s"}}\n' "${BASH_REMATCH[1]}"
done
