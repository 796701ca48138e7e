export const words = "named by an alias";
