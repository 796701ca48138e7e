import { version } from "esbuild";

export const made: string = `made by esbuild ${version.split(".")[0]}`;
