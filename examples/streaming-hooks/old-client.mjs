// A client of the older server as there are many: it knows Socket.IO and nothing else.
//   node old-client.mjs URL TASK MESSAGE [MODEL]
import { io } from "socket.io-client";

const [url, taskId, message, llmModel] = process.argv.slice(2);
if (message === undefined) {
  console.error("usage: node old-client.mjs URL TASK MESSAGE [MODEL]");
  process.exit(2);
}
const socket = io(url);

socket.on("stream-chunk", (chunk) => {
  if (chunk.type === "content") process.stdout.write(chunk.content);
});
socket.on("task-status-updated", ({ status }) => {
  console.log(`\n[${status}]`);
  if (status !== "RUNNING") socket.close();
});
socket.on("connect_error", (error) => console.error(`no connection: ${error.message}`));
socket.on("message-error", ({ error }) => {
  console.error(error);
  process.exitCode = 1;
  socket.close();
});
socket.once("connect", () => {
  socket.emit("join-task", { taskId }, ({ path }) => {
    if (path) console.log(`[answers come by the ${path} path]`);
    socket.emit("user-message", { taskId, message, llmModel });
  });
});
