// Speaks to a real redis-server through a relay with wisp-js, a client that is not ours.
// Usage: node redis-over-wisp.mjs RELAY_URL REDIS_PORT WISP_VERSION
import { client } from "@mercuryworkshop/wisp-js/client";

const [url, port, version] = process.argv.slice(2);
const valueBytes = 3_000_000;
const connection = new client.ClientConnection(url, { wisp_version: Number(version) });

const fail = (why) => {
  console.error(why);
  process.exit(1);
};
setTimeout(() => fail("no answer within 20 s"), 20_000).unref();
connection.onerror = () => fail("the WebSocket failed");

connection.onopen = () => {
  if (Number(version) === 2 && !connection.udp_enabled) fail("UDP was not announced");
  const stream = connection.create_stream("127.0.0.1", Number(port));
  let answer = Buffer.alloc(0);
  stream.onmessage = (data) => {
    answer = Buffer.concat([answer, Buffer.from(data)]);
    const expected = `+OK\r\n$${valueBytes}\r\n`;
    if (answer.length >= expected.length + valueBytes + 2) {
      const head = answer.subarray(0, expected.length).toString();
      const body = answer.subarray(expected.length, expected.length + valueBytes);
      if (head !== expected) fail(`unexpected head ${JSON.stringify(head)}`);
      for (let index = 0; index < valueBytes; index += 1) {
        if (body[index] !== 97 + (index % 26)) fail(`byte ${index} is wrong`);
      }
      console.log(`redis answered ${valueBytes} bytes over Wisp version ${connection.wisp_version}`);
      stream.close(0x02);
      process.exit(0);
    }
  };
  stream.onclose = () => fail("the stream was closed");
  const value = Buffer.alloc(valueBytes);
  for (let index = 0; index < valueBytes; index += 1) value[index] = 97 + (index % 26);
  const request = Buffer.concat([Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${valueBytes}\r\n`), value, Buffer.from("\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")]);
  // In pieces of what a board sends: many more than the credit allows at once.
  for (let offset = 0; offset < request.length; offset += 1460) {
    stream.send(new Uint8Array(request.subarray(offset, offset + 1460)));
  }
};
