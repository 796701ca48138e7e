import { nitro } from "nitro/vite";

export default { plugins: [nitro()], nitro: { serverDir: "./server" } };
