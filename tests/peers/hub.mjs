// The plainest room that works: a learning switch over `ws`, which the relay's rooms are measured against.
// Usage: node hub.mjs PORT
import { WebSocketServer } from "ws";

const rooms = new Map();
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: false,
});

server.on("connection", (socket, request) => {
  const name = request.url;
  const room = rooms.get(name) ?? { members: new Set(), owners: new Map() };
  rooms.set(name, room);
  room.members.add(socket);

  socket.on("message", (frame, isBinary) => {
    if (!isBinary || frame.length < 14) return;
    const destination = frame.toString("hex", 0, 6);
    room.owners.set(frame.toString("hex", 6, 12), socket);
    const owner = room.owners.get(destination);
    const hearers = owner === undefined ? room.members : [owner];
    for (const hearer of hearers) {
      if (hearer !== socket && hearer.readyState === hearer.OPEN) hearer.send(frame, { binary: true });
    }
  });

  socket.on("close", () => {
    room.members.delete(socket);
    for (const [address, owner] of room.owners) {
      if (owner === socket) room.owners.delete(address);
    }
    if (room.members.size === 0) rooms.delete(name);
  });
});
