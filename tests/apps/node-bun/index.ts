import ms from "ms";

export default { port: process.env.PORT, fetch: () => new Response(`${ms(60000)} by bun`) };
