// Speaks in a room as v86's network adapter and websockproxy's clients do: an Ethernet frame is a binary message, nothing
// else is said. Two clients ask and answer by ARP, and one of them is taken for neither a stranger nor the other.
// Usage: node frames-over-room.mjs ROOM_URL
import { WebSocket } from "ws";

const fail = (why) => {
  console.error(why);
  process.exit(1);
};
setTimeout(() => fail("no answer within 20 s"), 20_000).unref();

const join = (url) =>
  new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.frames = [];
    socket.onmessage = (event) => {
      if (typeof event.data === "string") fail("a client that sends no text was sent some");
      socket.frames.push(Buffer.from(event.data));
    };
    socket.onerror = () => fail("the WebSocket failed");
    socket.onopen = () => resolve(socket);
  });

const frameAt = async (socket) => {
  while (socket.frames.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  return socket.frames.shift();
};

const everyone = Buffer.alloc(6, 0xff);
const asker = Buffer.from("02000000000a", "hex");
const owner = Buffer.from("02000000000b", "hex");
const arp = (to, from, operation) => {
  const frame = Buffer.alloc(60);
  Buffer.concat([to, from, Buffer.from(`0806000108000604000${operation}`, "hex")]).copy(frame);
  return frame;
};

const url = process.argv[2];
const [first, second] = [await join(url), await join(url)];
// The second has joined once a question reaches it.
const question = arp(everyone, asker, 1);
const asking = setInterval(() => first.send(question), 20);
if (!(await frameAt(second)).equals(question)) fail("the question was changed on its way");
clearInterval(asking);

second.send(arp(asker, asker, 2)); // posing as the other: not carried
const answer = arp(asker, owner, 2);
second.send(answer);
if (!(await frameAt(first)).equals(answer)) fail("the answer was changed on its way, or a forged one came");
console.log("frames went both ways");
process.exit(0);
