// Rooms, and an acknowledgement when a message was given to all who are in one. No sign-in beyond a token's being there, nothing is kept.
const { createServer } = require("http");
const { Server } = require("socket.io");

const [host, port] = process.argv[2].split(":");
const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });
io.engine.on("connection", (socket) => {
  // As its documentation advises for many connections.
  socket.request = null;
});
io.use((socket, next) => (socket.handshake.auth.token ? next() : next(new Error("no token"))));
io.on("connection", (socket) => {
  socket.on("join", (rooms, done) => {
    socket.join(rooms);
    done();
  });
  socket.on("send", (room, text, done) => {
    io.to(room).emit("m", text);
    done();
  });
});
http.listen(Number(port), host);
